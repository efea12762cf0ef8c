// needs: namespaces
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { SysError } from "../../../lib/edge/net/errno.ts";
import { LIBC_PATHS } from "../../../lib/edge/net/libc.ts";
import { Poller } from "../../../lib/edge/net/poller.ts";
import { WakeUp } from "../../../lib/edge/net/wake_up.ts";

Deno.test("Poller: a descriptor that was closed under it is reported, not waited for", () => {
  const wakeUp = WakeUp.create();
  const { fd } = wakeUp;
  const poller = new Poller();
  poller.add(fd);
  wakeUp.close();
  assertEquals(poller.wait(10_000), [fd]);
  assertEquals(assertThrows(() => wakeUp.drain(), SysError).code, "EBADF");
  poller.remove(fd);
  assertEquals(poller.wait(0), []);
});

Deno.test("Poller: it never returns before the timeout, fractions included", () => {
  const poller = new Poller();
  for (const timeoutMs of [-5, 0, 0.1, 2.4, 5]) {
    const start = performance.now();
    assertEquals(poller.wait(timeoutMs), []);
    // The monotonic clock and poll's agree to some microseconds.
    assert(performance.now() - start >= timeoutMs - 0.05, `waited for ${timeoutMs} ms`);
  }
});

Deno.test("Poller: readable descriptors are told in the order in which they were added, until they are drained", () => {
  const [one, two, three] = [0, 0, 0].map(() => WakeUp.create());
  const poller = new Poller();
  for (const { fd } of [two!, one!, three!, two!]) poller.add(fd);
  one!.wake();
  two!.wake();
  two!.wake();
  assertEquals(poller.wait(-1), [two!.fd, one!.fd]);
  two!.drain();
  two!.drain();
  assertEquals(poller.wait(Infinity), [one!.fd]);
  for (const wakeUp of [one, two, three]) wakeUp!.close();
});

Deno.test("WakeUp: one thread ends another's endless sleep, each time anew", async () => {
  const worker = new Worker(new URL("./sleeper_worker.ts", import.meta.url), {
    type: "module",
    deno: { permissions: { ffi: [...LIBC_PATHS], net: false, run: false, read: false, write: false, env: false } },
  });
  const arrived: number[] = [];
  let waiting = Promise.withResolvers<void>();
  worker.onmessage = ({ data }) => {
    arrived.push(data);
    waiting.resolve();
  };
  const next = async (): Promise<number> => {
    while (arrived.length === 0) await waiting.promise;
    waiting = Promise.withResolvers<void>();
    return arrived.shift()!;
  };
  const wakeUp = WakeUp.from(await next());
  for (let turn = 1; turn <= 3; turn++) {
    wakeUp.wake();
    assertEquals(await next(), turn);
  }
  worker.terminate();
});
