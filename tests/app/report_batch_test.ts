import { assertEquals } from "@std/assert/equals";
import type { FromPacketThread } from "../../lib/base/wanted.ts";
import { ReportBatch } from "../../lib/app/report_batch.ts";

function ownership(index: number): FromPacketThread {
  return {
    kind: "ownership",
    address: `198.18.${index >> 8}.${index & 255}`,
    owned: true,
    reason: "elected",
    elected: "a",
  };
}

Deno.test("Report batch: nothing is posted before the flush, and nothing when there is nothing", () => {
  const posts: (readonly FromPacketThread[])[] = [];
  const batch = new ReportBatch({ post: (reports) => posts.push(reports) });
  batch.flush();
  batch.push({ kind: "ready" });
  assertEquals(posts, []);
  batch.flush();
  batch.flush();
  assertEquals(posts, [[{ kind: "ready" }]]);
});

Deno.test("Report batch: five thousand reports are twenty messages, in order", () => {
  const posts: (readonly FromPacketThread[])[] = [];
  const batch = new ReportBatch({ post: (reports) => posts.push(reports) });
  const reports = Array.from({ length: 5000 }, (_, index) => ownership(index));
  for (const report of reports) batch.push(report);
  batch.flush();
  assertEquals([posts.length, Math.max(...posts.map(({ length }) => length))], [20, 256]);
  assertEquals(posts.flat(), reports);
});

Deno.test("Report batch: what is reported while it posts comes with the next flush", () => {
  const posts: (readonly FromPacketThread[])[] = [];
  const batch = new ReportBatch({
    post: (reports) => {
      if (posts.push(reports) === 1) batch.push({ kind: "stopped" });
    },
  });
  batch.push({ kind: "ready" });
  batch.flush();
  batch.flush();
  assertEquals(posts, [[{ kind: "ready" }], [{ kind: "stopped" }]]);
});
