/** A thread in a network namespace of its own that does nothing. */
import { currentTid, ownNamespacePath, unshareNetwork } from "../../../lib/edge/net/namespace.ts";

unshareNetwork();
(globalThis as unknown as { postMessage(message: { tid: number; path: string }): void }).postMessage({
  tid: currentTid(),
  path: ownNamespacePath(),
});
