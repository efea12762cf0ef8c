import { assertEquals } from "@std/assert/equals";
import type { FromPacketThread } from "../../lib/base/wanted.ts";
import { Outbox } from "../../lib/app/outbox.ts";

function ownership(index: number): FromPacketThread {
  return {
    kind: "ownership",
    address: `198.18.${index >> 8}.${index & 255}`,
    owned: true,
    reason: "elected",
    elected: "a",
  };
}

Deno.test("Outbox: nothing is posted before the flush, and nothing when there is nothing", () => {
  const posts: (readonly FromPacketThread[])[] = [];
  const outbox = new Outbox({ post: (reports) => posts.push(reports) });
  outbox.flush();
  outbox.push({ kind: "ready" });
  assertEquals(posts, []);
  outbox.flush();
  outbox.flush();
  assertEquals(posts, [[{ kind: "ready" }]]);
});

Deno.test("Outbox: five thousand reports are twenty messages, in order", () => {
  const posts: (readonly FromPacketThread[])[] = [];
  const outbox = new Outbox({ post: (reports) => posts.push(reports) });
  const reports = Array.from({ length: 5000 }, (_, index) => ownership(index));
  for (const report of reports) outbox.push(report);
  outbox.flush();
  assertEquals([posts.length, Math.max(...posts.map(({ length }) => length))], [20, 256]);
  assertEquals(posts.flat(), reports);
});

Deno.test("Outbox: what is reported while it posts comes with the next flush", () => {
  const posts: (readonly FromPacketThread[])[] = [];
  const outbox = new Outbox({
    post: (reports) => {
      if (posts.push(reports) === 1) outbox.push({ kind: "stopped" });
    },
  });
  outbox.push({ kind: "ready" });
  outbox.flush();
  outbox.flush();
  assertEquals(posts, [[{ kind: "ready" }], [{ kind: "stopped" }]]);
});
