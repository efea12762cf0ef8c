import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { int64 } from "../../lib/app/int64.ts";

Deno.test("int64: digits go into JSON as they are, and nothing else does", () => {
  assertEquals(JSON.stringify({ a: int64("9223372036854775807"), b: int64("0") }), '{"a":9223372036854775807,"b":0}');
  for (const bad of ["", "1.5", "01", '"', "1e9", "99999999999999999999"]) assertThrows(() => int64(bad), TypeError);
});
