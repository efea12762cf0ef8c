/** A broken invariant of Herald itself: the process ends and Kubernetes starts it anew. Never thrown for bad input. */
export class InvariantError extends Error {
  override name = "InvariantError";
}

/**
 * Throws {@linkcode InvariantError} when `condition` does not hold. `message` names what was expected and what was found; a
 * function where a packet passes, because putting a text together costs more than the whole check.
 */
export function invariant(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) throw new InvariantError(typeof message === "string" ? message : message());
}

/** Marks a branch that the type checker knows to be unreachable. */
export function unreachable(value: never): never {
  throw new InvariantError(`Unreachable branch was reached with ${JSON.stringify(value)}`);
}
