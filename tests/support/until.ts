/** Waiting for what happens elsewhere: in another process, in another thread, on a network. */

/** Looked at often in the beginning, and ever more seldom: who waits long is no burden to what it waits for. */
const POLL_MS_MIN = 5;
const POLL_MS_MAX = 100;
const POLL_GROWTH = 1.25;
/** Reached only by what never comes: a machine with ten tests at a time needs ten times as long as one with one. */
const LIMIT_MS = 60_000;

/**
 * Resolves with the first value that is neither false nor undefined; throws with `what` in words after `limitMs`. Words
 * that quote what was seen are a function: they are made when the time is up.
 */
export async function until<T>(
  what: string | (() => string),
  probe: () => T | false | undefined | Promise<T | false | undefined>,
  limitMs = LIMIT_MS,
): Promise<T> {
  const end = performance.now() + limitMs;
  for (let pollMs = POLL_MS_MIN;; pollMs = Math.min(pollMs * POLL_GROWTH, POLL_MS_MAX)) {
    const value = await probe();
    if (value !== false && value !== undefined) return value;
    if (performance.now() > end) {
      const words = typeof what === "string" ? what : what();
      throw new Error(`It did not come about within ${limitMs} ms: ${words}`);
    }
    await pause(pollMs);
  }
}

export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
