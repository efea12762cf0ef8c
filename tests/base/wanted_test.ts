import { assertEquals } from "@std/assert/equals";
import { sameInterfaces } from "../../lib/base/wanted.ts";

const LISTS: readonly (readonly ["all" | readonly string[], "all" | readonly string[], boolean])[] = [
  ["all", ["all"], false],
  ["all", [], false],
  [[], "all", false],
  [["eth0"], [], false],
  [["eth0"], ["eth1"], false],
  [["eth0"], ["eth0", "eth1"], false],
  [["eth0", "eth1"], ["eth1", "eth0"], false],
  ["all", "all", true],
  [[], [], true],
  [["eth0", "eth1"], ["eth0", "eth1"], true],
];

for (const [a, b, same] of LISTS) {
  Deno.test(`Wanted interfaces: ${JSON.stringify(a)} and ${JSON.stringify(b)} are ${same ? "the same" : "different"}`, () => {
    assertEquals(sameInterfaces(a, b), same);
  });
}
