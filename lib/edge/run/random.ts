/** The system's randomness behind the `Rng` port: good enough for keys. */
import type { Rng } from "../../base/rng.ts";

export const systemRng: Rng = {
  u32: () => crypto.getRandomValues(new Uint32Array(1))[0]!,
};
