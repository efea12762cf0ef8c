/**
 * The Pod of this program as the owner of what it reports, so that Kubernetes clears that away with it. The UID is asked
 * for once.
 */
import { type OwnerReference, RESOURCES } from "../base/kube.ts";
import type { KubeClient } from "../edge/kube/client.ts";

export class PodOwner {
  readonly #options: { readonly namespace: string; readonly podName: string };
  readonly #client: KubeClient;
  #references: readonly OwnerReference[] | undefined;

  /** `podName` is empty for a program that runs outside of a Pod: what it reports has no owner and stays. */
  constructor(
    options: { readonly namespace: string; readonly podName: string },
    deps: { readonly client: KubeClient },
  ) {
    this.#options = options;
    this.#client = deps.client;
    if (options.podName === "") this.#references = [];
  }

  /** Empty without an owner, and as long as the Pod cannot be read. */
  async references(): Promise<readonly OwnerReference[]> {
    const { namespace, podName } = this.#options;
    if (this.#references === undefined) {
      const pod = await this.#client.get(RESOURCES.pods, { namespace, name: podName });
      if (pod.ok) {
        this.#references = [{ apiVersion: "v1", kind: "Pod", name: podName, uid: pod.value.metadata.uid ?? "" }];
      } else if (pod.error.reason === "notFound" || pod.error.reason === "forbidden") this.#references = [];
    }
    return this.#references ?? [];
  }
}
