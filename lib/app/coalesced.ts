/**
 * Many calls in one go become one: `action` runs once, after the code that called has come to its end. So a chunk of a
 * watch with a hundred changes costs one look at the whole.
 */
export function coalesced(action: () => void): () => void {
  let isScheduled = false;
  return () => {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(() => {
      isScheduled = false;
      action();
    });
  };
}
