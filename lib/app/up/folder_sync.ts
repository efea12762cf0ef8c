/**
 * Brings the embedded API to what the files want: creates, changes and deletes the difference to what it applied before.
 *
 * What the API holds besides (a Service's addresses, what somebody wrote with kubectl) is left alone. An object that the
 * API refuses keeps its last good state, and the others go on; it is tried again when it changes.
 */
import { isRecord } from "../../base/json.ts";
import type { KubeObject } from "../../base/kube.ts";
import type { KubeClient } from "../../edge/kube/client.ts";
import type { PlacedObject } from "./folder_objects.ts";

export interface FolderSyncDeps {
  readonly client: KubeClient;
  /** Told of each change when it has been made, e.g. `Service shop/web created`. */
  readonly tell: (change: string) => void;
}

interface Applied {
  readonly placed: PlacedObject;
  /** The object as text, to see whether a file changed it. */
  readonly text: string;
}

export class FolderSync {
  readonly #client: KubeClient;
  readonly #tell: (change: string) => void;
  /** What the API took from us, by id. */
  readonly #applied = new Map<string, Applied>();
  /** What it refused last, so that it is said once. */
  readonly #refused = new Map<string, string>();

  constructor(deps: FolderSyncDeps) {
    this.#client = deps.client;
    this.#tell = deps.tell;
  }

  /** Returns what the API refused, with its words. */
  async sync(objects: readonly PlacedObject[]): Promise<string[]> {
    const refusals: string[] = [];
    const wanted = new Set(objects.map(({ id }) => id));
    // Deletions first: a pool under a new name may take over the addresses of the old one.
    for (const [id, { placed }] of [...this.#applied].reverse()) {
      if (wanted.has(id) || placed.resource.kind === "Namespace") continue;
      const { name, namespace } = placed.object.metadata;
      const result = await this.#client.remove(placed.resource, { namespace, name });
      if (!result.ok && result.error.reason !== "notFound") {
        refusals.push(`${id} is not deleted: ${result.error.message}`);
        continue;
      }
      this.#applied.delete(id);
      if (!placed.isDerived) this.#tell(`${id} deleted`);
    }
    for (const placed of objects) {
      const text = JSON.stringify(placed.object);
      const before = this.#applied.get(placed.id);
      if (before?.text === text) {
        this.#refused.delete(placed.id);
        continue;
      }
      if (this.#refused.get(placed.id) === text) continue;
      const outcome = await this.#apply(placed, before?.placed.object);
      if (outcome.ok) {
        this.#applied.set(placed.id, { placed, text });
        this.#refused.delete(placed.id);
        if (!placed.isDerived) this.#tell(`${placed.id} ${outcome.done}`);
      } else {
        this.#refused.set(placed.id, text);
        const rest = before === undefined ? "" : "; it stays as it was";
        refusals.push(`${placed.id} is refused: ${outcome.message}${rest}`);
      }
    }
    return refusals;
  }

  async #apply(
    { resource, object }: PlacedObject,
    before: KubeObject | undefined,
  ): Promise<{ ok: true; done: "created" | "changed" } | { ok: false; message: string }> {
    const { name, namespace } = object.metadata;
    const created = before === undefined
      ? await this.#client.create(resource, { ...(namespace === undefined ? {} : { namespace }), body: object })
      : undefined;
    if (created?.ok === true) return { ok: true, done: "created" };
    if (created !== undefined && created.error.reason !== "alreadyExists") {
      return { ok: false, message: created.error.message };
    }
    const body = changePatch(before ?? {}, object);
    const patched = await this.#client.patch(resource, { namespace, name }, { type: "merge", body });
    return patched.ok ? { ok: true, done: "changed" } : { ok: false, message: patched.error.message };
  }
}

/** A merge patch (RFC 7396) from one object to the next: what is gone is `null`, lists are replaced as a whole. */
export function changePatch(before: object, after: object): Record<string, unknown> {
  const [old, next] = [before as Record<string, unknown>, after as Record<string, unknown>];
  const patch: Record<string, unknown> = {};
  for (const name of Object.keys(old)) if (!Object.hasOwn(next, name)) patch[name] = null;
  for (const [name, value] of Object.entries(next)) {
    const previous = Object.hasOwn(old, name) ? old[name] : undefined;
    if (isRecord(value)) {
      const inner = changePatch(isRecord(previous) ? previous : {}, value);
      if (Object.keys(inner).length > 0 || !isRecord(previous)) patch[name] = inner;
    } else if (JSON.stringify(value) !== JSON.stringify(previous)) patch[name] = value;
  }
  return patch;
}
