/** The value of a decoding that must succeed. */
import type { Decoded } from "../../lib/decision/config/decode.ts";

export function valueOf<T>(decoded: Decoded<T>): T {
  if (!decoded.ok) throw new Error(`Expected a value, got ${JSON.stringify(decoded.problems)}`);
  return decoded.value;
}
