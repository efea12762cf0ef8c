import { assertEquals } from "@std/assert/equals";
import { earlier } from "../../lib/base/machine.ts";

Deno.test("earlier: the earlier deadline, the first of equals, the only one, or none", () => {
  const a = { at: 1, why: "a" };
  const b = { at: 2, why: "b" };
  const alsoA = { at: 1, why: "also a" };
  assertEquals(earlier(undefined, undefined), undefined);
  assertEquals(earlier(a, undefined), a);
  assertEquals(earlier(undefined, b), b);
  assertEquals(earlier(a, b), a);
  assertEquals(earlier(b, a), a);
  assertEquals(earlier(a, alsoA), a);
  assertEquals(earlier(alsoA, a), alsoA);
});
