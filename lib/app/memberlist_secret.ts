/**
 * The Secret whose key the speakers share, made by the controller when it is not there (reference §9.1, §9.5): 16 random
 * bytes as base64 without padding under `secretkey`, owned by the controller's Deployment, so that it goes with it.
 *
 * An existing Secret is never changed: speakers that run know its key.
 */
import { RESOURCES } from "../base/kube.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import { backoffMs } from "../edge/kube/backoff.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import { type Schedule, systemSchedule } from "../edge/kube/schedule.ts";

const DEPLOYMENTS = { group: "apps", version: "v1", kind: "Deployment", plural: "deployments", namespaced: true };
const KEY_BYTES = 16;
const BACKOFF = { baseMs: 1_000, capMs: 300_000 };

export interface MemberlistSecretOptions {
  readonly namespace: string;
  readonly name: string;
  /** The owner; empty for none. */
  readonly deployment: string;
}

/** Sees to it that the Secret comes to be, also where the API or the right is missing for a while; returns how to stop. */
export function keepMemberlistSecret(
  options: MemberlistSecretOptions,
  deps: { readonly client: KubeClient; readonly log: Log; readonly rng: Rng; readonly schedule?: Schedule },
): () => void {
  const { log, rng, schedule = systemSchedule } = deps;
  let isStopped = false;
  let cancel: (() => void) | undefined;
  const attempt = async (failures: number): Promise<void> => {
    const problem = await ensureMemberlistSecret(options, deps);
    if (problem === undefined || isStopped) return;
    // Speakers wait for it to start, so somebody may be looking for the reason.
    log({ level: "warn", event: "memberlistSecretMissing", error: problem });
    cancel = schedule(() => void attempt(failures + 1), backoffMs(failures + 1, { backoff: BACKOFF, rng }));
  };
  void attempt(0);
  return () => {
    isStopped = true;
    cancel?.();
  };
}

/** `undefined` when the Secret is there; else why it is not. */
export async function ensureMemberlistSecret(
  options: MemberlistSecretOptions,
  deps: { readonly client: KubeClient; readonly log: Log },
): Promise<string | undefined> {
  const { namespace, name, deployment } = options;
  const { client, log } = deps;
  const present = await client.get(RESOURCES.secrets, { namespace, name });
  if (present.ok) return undefined;
  if (present.error.reason !== "notFound") return `Secret ${namespace}/${name}: ${present.error.message}`;
  const owner = deployment === "" ? undefined : await client.get(DEPLOYMENTS, { namespace, name: deployment });
  if (owner !== undefined && !owner.ok) return `Deployment ${namespace}/${deployment}: ${owner.error.message}`;
  const ownerReferences = owner === undefined
    ? []
    : [{ apiVersion: "apps/v1", kind: "Deployment", name: deployment, uid: owner.value.metadata.uid ?? "" }];
  const secretkey = crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64({ omitPadding: true });
  const body = { metadata: { name, namespace, ownerReferences }, type: "Opaque", stringData: { secretkey } };
  const created = await client.create(RESOURCES.secrets, { namespace, body });
  // Another replica was faster: its key counts.
  if (!created.ok && created.error.reason !== "alreadyExists") {
    return `Secret ${namespace}/${name}: ${created.error.message}`;
  }
  if (created.ok) log({ level: "info", event: "memberlistSecretCreated", secret: `${namespace}/${name}` });
  return undefined;
}
