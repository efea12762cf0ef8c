// needs: namespaces
import { assertEquals } from "@std/assert/equals";
import { invariant } from "../../../lib/base/assert.ts";
import { Lab } from "../../../lib/edge/lab/lab.ts";
import { LIBC_PATHS } from "../../../lib/edge/net/libc.ts";
import { WakeUp } from "../../../lib/edge/net/wake_up.ts";
import type { SnifferMessage } from "./sniffer_worker.ts";

Deno.test("PacketSocket: a thread that sleeps in poll inside a host sees that host's ARP traffic and nothing else", async () => {
  const lab = await Lab.create({
    hosts: [{ name: "n1", address: "192.168.77.11/24" }, { name: "client", address: "192.168.77.50/24" }],
  });
  const worker = new Worker(new URL("./sniffer_worker.ts", import.meta.url), {
    type: "module",
    deno: { permissions: { ffi: [...LIBC_PATHS], net: false, run: false, read: false, write: false, env: false } },
  });
  const inbox = messages(worker);
  try {
    worker.postMessage({ namespacePath: lab.host("n1").namespacePath, interface: "eth0" });
    const ready = await inbox.next();
    invariant(ready.kind === "ready", "the thread is ready first");
    const server = await lab.host("n1").serveHttp({ address: "0.0.0.0", port: 8080 });
    await lab.host("client").httpGet("http://192.168.77.11:8080/");
    await server.stop();
    WakeUp.from(ready.wakeFd).wake();
    const ended = await inbox.next();
    invariant(ended.kind === "ended", "then it ends");
    const requests = ended.frames.filter((frame) => operation(frame) === 1 && targetIp(frame) === "192.168.77.11");
    assertEquals(requests.length, 1);
    for (const frame of ended.frames) assertEquals(frame[12]! << 8 | frame[13]!, 0x0806);
  } finally {
    await lab.close();
  }
});

function messages(worker: Worker): { next(): Promise<SnifferMessage> } {
  const arrived: SnifferMessage[] = [];
  const waiting: ((message: SnifferMessage) => void)[] = [];
  worker.onmessage = (event) => {
    const waiter = waiting.shift();
    if (waiter === undefined) arrived.push(event.data);
    else waiter(event.data);
  };
  return {
    next() {
      const message = arrived.shift();
      return message === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(message);
    },
  };
}

function operation(frame: Uint8Array): number {
  return frame[20]! << 8 | frame[21]!;
}

function targetIp(frame: Uint8Array): string {
  return frame.slice(38, 42).join(".");
}
