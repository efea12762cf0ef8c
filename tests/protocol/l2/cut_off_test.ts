import { assertEquals } from "@std/assert/equals";
import { isCutOff } from "../../../lib/protocol/l2/cut_off.ts";

const ROWS = [
  { apiReachable: true, known: 4, living: 0, cutOff: false },
  { apiReachable: false, known: 0, living: 0, cutOff: false },
  { apiReachable: false, known: 1, living: 0, cutOff: true },
  { apiReachable: false, known: 1, living: 1, cutOff: false },
  { apiReachable: false, known: 2, living: 0, cutOff: true },
  { apiReachable: false, known: 2, living: 1, cutOff: false },
  { apiReachable: false, known: 3, living: 1, cutOff: true },
  { apiReachable: false, known: 4, living: 1, cutOff: true },
  { apiReachable: false, known: 4, living: 2, cutOff: false },
];

for (const { cutOff, ...facts } of ROWS) {
  const { apiReachable, known, living } = facts;
  Deno.test(`Cut off: ${living} of ${known} others, the API ${apiReachable ? "" : "not "}reached: ${cutOff}`, () => {
    assertEquals(isCutOff(facts), cutOff);
  });
}
