/** A controller and an API server in one place, for tests that tell a story step by step. */
import type { KubeObject } from "../../../lib/base/kube.ts";
import { ConvergeMachine, type ConvergeOptions } from "../../../lib/decision/control/converge.ts";
import type { ConvergeEffect, ConvergeInput } from "../../../lib/decision/control/converge_io.ts";
import { serviceObject, type ServiceOptions } from "../objects.ts";
import { FakeApi, type Patch, shownBy } from "./fake_api.ts";

export const POOL_ANNOTATION = "metallb.io/ip-allocated-from-pool";

export type PoolWrite = Extract<ConvergeEffect, { kind: "patchPoolStatus" }>;

/** A controller and an API server without delays: every write is carried out and comes back at once. */
export class Stage {
  readonly api = new FakeApi();
  readonly machine: ConvergeMachine;
  readonly patches: Patch[] = [];
  readonly poolWrites: PoolWrite[] = [];
  readonly events: string[] = [];
  readonly effects: ConvergeEffect[] = [];
  #delivered = 0;
  now = 0;
  /** Writes wait in `waiting` instead of being carried out. */
  holdWrites = false;
  readonly waiting: Patch[] = [];

  constructor(options: ConvergeOptions = {}) {
    this.machine = new ConvergeMachine(options);
  }

  start(...pools: KubeObject[]): void {
    this.deliver();
    this.pools(...pools);
    this.handle({ kind: "synced" });
  }

  pools(...ipAddressPools: KubeObject[]): void {
    this.handle({ kind: "pools", ipAddressPools });
  }

  put(name: string, options: ServiceOptions = {}): void {
    this.api.put(serviceObject(name, options));
    this.deliver();
  }

  /** The user changes an object that is there. */
  change(name: string, change: (object: KubeObject) => KubeObject): void {
    this.api.put(change(this.api.objects.get(`shop/${name}`)!));
    this.deliver();
  }

  remove(name: string): void {
    this.api.remove(`shop/${name}`);
    this.deliver();
  }

  deliver(): void {
    while (this.#delivered < this.api.events.length) {
      const { key, object } = this.api.events[this.#delivered++]!;
      this.handle({ kind: "service", key, object });
    }
  }

  handle(input: ConvergeInput | { kind: "tick" }): void {
    this.machine.handle(input, this.now);
    const patches: Patch[] = [];
    const poolWrites: PoolWrite[] = [];
    for (let effect = this.machine.poll(); effect !== undefined; effect = this.machine.poll()) {
      this.effects.push(effect);
      if (effect.kind === "patchStatus") patches.push(effect);
      if (effect.kind === "patchPoolStatus") poolWrites.push(effect);
      if (effect.kind === "event") {
        this.events.push(`${effect.object.metadata.name} ${effect.type} ${effect.reason}: ${effect.message}`);
      }
    }
    this.patches.push(...patches);
    this.poolWrites.push(...poolWrites);
    for (const write of poolWrites) this.handle({ kind: "poolWritten", name: write.name });
    for (const patch of patches) {
      if (this.holdWrites) this.waiting.push(patch);
      else this.carryOut(patch);
    }
  }

  carryOut(patch: Patch): void {
    const answer = this.api.patch(patch);
    if (answer.ok) this.handle({ kind: "written", key: patch.key, resourceVersion: answer.resourceVersion });
    else this.handle({ kind: "writeFailed", key: patch.key, reason: answer.reason, message: answer.reason });
    this.deliver();
  }

  /** Lets the counters of the pools be written, so that no deadline of theirs is left. */
  settlePools(): void {
    for (let deadline = this.machine.deadline(); deadline?.why === "poolStatus"; deadline = this.machine.deadline()) {
      this.tick(deadline.at);
    }
  }

  tick(at: number): void {
    this.now = at;
    this.handle({ kind: "tick" });
  }

  /** `addresses (pool)`, or `-`. */
  shown(name: string): string {
    const object = this.api.objects.get(`shop/${name}`)!;
    const pool = object.metadata.annotations?.[POOL_ANNOTATION];
    const addresses = shownBy(object).join(" ");
    return addresses === "" && pool === undefined ? "-" : `${addresses} (${pool})`;
  }
}

export const spec = (object: KubeObject) => object["spec"] as Record<string, unknown>;

export function annotate(annotations: Record<string, string>) {
  return (object: KubeObject): KubeObject => ({
    ...object,
    metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...annotations } },
  });
}

/** With other members in its spec. */
export function respec(members: Record<string, unknown>) {
  return (object: KubeObject): KubeObject => ({ ...object, spec: { ...spec(object), ...members } });
}

/** Without an annotation. */
export function unannotate(name: string) {
  return (object: KubeObject): KubeObject => {
    const annotations = { ...object.metadata.annotations };
    delete annotations[name];
    return { ...object, metadata: { ...object.metadata, annotations } };
  };
}

/** With annotations, as pools carry them. */
export function annotated(object: KubeObject, annotations: Record<string, string>): KubeObject {
  return annotate(annotations)(object);
}
