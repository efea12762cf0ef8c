import { assertEquals } from "@std/assert/equals";
import { createHash } from "node:crypto";
import { firstLiving } from "../../../lib/base/election.ts";
import { HashOrder, hashOrder } from "../../../lib/decision/plan/candidates.ts";

Deno.test("hashOrder: the vectors of reference §6.4", () => {
  const table: [string, Record<string, string>, string[]][] = [
    ["192.168.1.240", { "node-a": "0905ce28", "node-b": "c5db6995", "node-c": "a6530f9d" }, [
      "node-a",
      "node-c",
      "node-b",
    ]],
    ["10.20.30.1", { "node-a": "9689afd5", "node-b": "0867af7f", "node-c": "95c3be9b" }, [
      "node-b",
      "node-c",
      "node-a",
    ]],
    ["1000::1", { "node-a": "43744039", "node-b": "5ddb9165", "node-c": "acb6f9ed" }, ["node-a", "node-b", "node-c"]],
  ];
  for (const [address, hashes, order] of table) {
    for (const [node, prefix] of Object.entries(hashes)) {
      assertEquals(createHash("sha256").update(`${node}#${address}`).digest("hex").slice(0, 8), prefix);
    }
    assertEquals(hashOrder(address, ["node-c", "node-a", "node-b"]), order);
  }
});

Deno.test("HashOrder: it forgets when nodes come or go, and never keeps more than its limit", () => {
  const cache = new HashOrder({ addressesMax: 2 });
  for (const names of [["node-a", "node-b", "node-c"], ["node-a", "node-b"], ["node-a", "node-b", "node-c"]]) {
    for (const address of ["192.168.1.240", "10.20.30.1", "1000::1", "192.168.1.240"]) {
      assertEquals(cache.order(address, names), hashOrder(address, names));
    }
  }
});

Deno.test("firstLiving: the first that lives, or nobody", () => {
  assertEquals(firstLiving([], () => true), undefined);
  assertEquals(firstLiving(["a", "b"], () => false), undefined);
  assertEquals(firstLiving(["a", "b", "c"], (one) => one !== "a"), "b");
});
