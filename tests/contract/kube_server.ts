/** What the contract suite of `lib/edge/kube` asks of an API server under test. */
import type { KubeClient } from "../../lib/edge/kube/client.ts";

/** What not every server can do. A scenario needs one of them at most. */
export type Control = "restart" | "restartEmpty" | "expireVersions" | "openWatches";

export interface KubeServer {
  readonly hostname: string;
  /** The same over all restarts. */
  readonly port: number;
  readonly scheme: "http" | "https";
  /** A kubeconfig for this server, reached at another address (the fault proxy), as JSON. */
  kubeconfig(options: { readonly server: string; readonly credentials: "good" | "wrong" }): string;
  /** Straight to the server, around the proxy: makes the changes. */
  readonly admin: KubeClient;
  /** Gone and back with the same objects. `whileDown` runs in between. */
  readonly restart?: (whileDown?: () => Promise<void>) => Promise<void>;
  /** Gone and back as a new server that never saw these objects and counts from the start. */
  readonly restartEmpty?: () => Promise<void>;
  /** Makes every version before now too old to watch from. */
  readonly expireVersions?: () => Promise<void>;
  readonly openWatches?: () => number;
  stop(): Promise<void>;
}
