/** A broken invariant of Herald itself: the process ends and Kubernetes starts it anew. Never thrown for bad input. */
export class InvariantError extends Error {
  override name = "InvariantError";
}

/** Throws {@linkcode InvariantError} when `condition` does not hold. `message` names what was expected and what was found. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Marks a branch that the type checker knows to be unreachable. */
export function unreachable(value: never): never {
  throw new InvariantError(`Unreachable branch was reached with ${JSON.stringify(value)}`);
}
