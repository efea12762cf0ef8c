/** The value of a decoding that must succeed, and the problems of one that must fail. */
import type { Decoded } from "../../lib/decision/config/decode.ts";
import type { Problem } from "../../lib/decision/config/problem.ts";

export function valueOf<T>(decoded: Decoded<T>): T {
  if (!decoded.ok) throw new Error(`Expected a value, got ${JSON.stringify(decoded.problems)}`);
  return decoded.value;
}

export function problemsOf(decoded: Decoded<unknown>, context = ""): readonly Problem[] {
  if (decoded.ok) throw new Error(`Expected problems, got a value: ${context}`);
  return decoded.problems;
}
