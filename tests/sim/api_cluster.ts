/**
 * A cluster with an API: real control threads read it, and the packet planes get what those make of it. The story
 * changes nodes, Services and configuration; `truth` keeps the same facts for the checkers.
 */
import { RESOURCES } from "../../lib/base/kube.ts";
import type { Millis } from "../../lib/base/time.ts";
import { explainAddress } from "../../lib/decision/plan/explain.ts";
import { type L2Plan, planLayer2 } from "../../lib/decision/plan/l2_plan.ts";
import { RealControl, SPEAKER_LABELS } from "./real_control.ts";
import { readWorld } from "./read_world.ts";
import { Router } from "./router.ts";
import { NAMESPACE, SERVICES_NAMESPACE, SimApi } from "./sim_api.ts";
import type { SimNode } from "./sim_node.ts";
import { isAlive, Stage, type StageOptions } from "./stage.ts";
import { type Failback, type InterfaceList, Truth, type TruthNode, type TruthService } from "./truth.ts";

const EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers";
/** For the second zone, where the zones differ in their interfaces. */
const OTHER_ADVERTISEMENT = { namespace: NAMESPACE, name: "other" };
const ADVERTISEMENT = { namespace: NAMESPACE, name: "all" };
/** The longest that a client waits between two attempts, and what one takes. */
const RECOVERY_MS_MAX = 12_000;
const RECOVERY_MS_MIN = 2500;
export const ZONES = ["east", "west"];

/** What the story changes of the advertisement. */
export interface Advertised {
  readonly onlyZone: string | undefined;
  readonly preferredZone: string | undefined;
  readonly failback: Failback;
  readonly linkProbes: readonly string[];
  readonly interfaces: ReadonlyMap<string, InterfaceList>;
}

export class ApiCluster extends Stage {
  readonly api: SimApi;
  readonly truth = new Truth();
  readonly routers: readonly Router[];
  readonly #controls = new Map<string, RealControl>();
  readonly #candidates = new Map<string, readonly string[]>();
  #pods = 0;
  #isRecovering = false;
  #longestOutageMs = 0;
  /** Since when somebody does not reach the API. */
  #outageSince: Millis | undefined;
  #explained: { readonly version: number; readonly plan: L2Plan } | undefined;

  constructor(options: StageOptions) {
    super(options);
    const { time, nodesRng: rng } = this;
    this.routers = this.segments.map(({ network }) => new Router({ time, network }));
    for (const [i, router] of this.routers.entries()) this.segments[i]!.network.join(router);
    this.api = new SimApi({ time, rng, log: (event) => this.log("the API", event) });
    this.populate(({ node }) => {
      const control = new RealControl({ node, safe: options.safe ?? false }, { api: this.api, time, rng });
      this.#controls.set(node, control);
      return control;
    });
  }

  /** Nodes, speaker pods and configuration; no speaker runs yet. */
  async furnish(): Promise<void> {
    await this.api.makeNamespaces();
    await this.api.create(RESOURCES.ipAddressPools, {
      metadata: { name: "pool", namespace: NAMESPACE },
      spec: { addresses: ["198.51.100.0/24", "2001:db8:1::/64"] },
    });
    await this.api.create(RESOURCES.l2Advertisements, { metadata: ADVERTISEMENT, spec: {} });
    if (this.segments.length > 1) {
      await this.api.create(RESOURCES.l2Advertisements, { metadata: OTHER_ADVERTISEMENT, spec: {} });
    }
    for (const [i, { node: name, address }] of this.peers.entries()) {
      const zone = ZONES[i % ZONES.length]!;
      this.truth.nodes.set(name, { name, zone, excluded: false });
      const metadata = { name, labels: { "kubernetes.io/hostname": name, zone } };
      await this.api.create(RESOURCES.nodes, { metadata, spec: {} });
      const addresses = [{ type: "InternalIP", address }];
      await this.api.patch(RESOURCES.nodes, { name, subresource: "status" }, { status: { addresses } });
      await this.#makePod(name, address);
    }
  }

  async pass(durationMs: number): Promise<void> {
    await this.time.passSettled(0);
    if (this.#explained?.version !== this.api.api.resourceVersion) {
      this.#explained = {
        version: this.api.api.resourceVersion,
        plan: planLayer2(await readWorld(this.api), { lbClasses: undefined }),
      };
    }
    await this.time.passSettled(durationMs);
    if (this.failure !== undefined) throw this.failure;
  }

  override candidates(address: string): readonly string[] {
    let candidates = this.#candidates.get(address);
    if (candidates === undefined) this.#candidates.set(address, candidates = this.truth.candidates(address));
    return candidates;
  }

  /** To be called when `truth` was changed. */
  forgetCandidates(): void {
    this.#candidates.clear();
  }

  /** The node that `herald explain` names for what the API holds, were it asked now. */
  explained(address: string): string | null {
    const isLiving = (name: string) => this.isMixed ? this.isMember(this.node(name)) : isAlive(this.node(name));
    const foreignMembers = this.nodes.filter((node) => node.program === "metallb" && this.isMember(node))
      .map(({ name }) => name);
    const standsBack = (name: string) => {
      if (this.servesOn(this.node(name), address).length === 0) return "noCarrier" as const;
      return this.isLinked(this.node(name)) ? undefined : "linkProbeFailed" as const;
    };
    return explainAddress(address, { plan: this.#explained!.plan, isLiving, standsBack, foreignMembers })?.announcer ??
      null;
  }

  override get isPrompt(): boolean {
    return this.#controls.values().every(({ line }) => line.lagMs === 0);
  }

  override isBroken(): boolean {
    return super.isBroken() || this.#isRecovering || this.#isCutOff();
  }

  /** Lets the clients of the API find back to it: the longer it was away, the longer they wait between two attempts. */
  async recover(): Promise<void> {
    this.#isRecovering = true;
    this.act("everything is repaired", () => {});
    await this.pass(Math.min(RECOVERY_MS_MAX, RECOVERY_MS_MIN + 1.5 * this.#longestOutageMs));
    this.#longestOutageMs = 0;
    this.#isRecovering = false;
    this.act("everything is whole again", () => {});
  }

  reachesApi(node: SimNode): boolean {
    return this.api.isUp && this.controlOf(node).line.isUp;
  }

  controlOf(node: SimNode): RealControl {
    return this.#controls.get(node.name)!;
  }

  setApiUp(isUp: boolean): void {
    this.act(isUp ? "the API is back" : "the API is gone", () => {
      this.api.isUp = isUp;
      if (!isUp) { for (const { line } of this.#controls.values()) line.reset(); }
      this.#countOutage();
    });
  }

  setLineUp(name: string, isUp: boolean): void {
    this.act(`${name} ${isUp ? "reaches the API again" : "does not reach the API"}`, () => {
      const { line } = this.#controls.get(name)!;
      line.isUp = isUp;
      if (!isUp) line.reset();
      this.#countOutage();
    });
  }

  setLag(name: string, lagMs: number): void {
    this.act(`news of the API reach ${name} ${lagMs} ms late`, () => this.#controls.get(name)!.line.lagMs = lagMs);
  }

  stepClock(name: string, byMs: number): void {
    this.act(`the clock of ${name} steps by ${byMs} ms`, () => this.node(name).stepClock(byMs));
  }

  /** Another pod in the place of the one that ended, as a DaemonSet makes it. */
  async replacePod(name: string): Promise<void> {
    const { address } = this.node(name);
    await this.#change(`the pod of ${name} is replaced`, async () => {
      const old = (await this.api.list(RESOURCES.pods)).filter(({ spec }) =>
        (spec as { nodeName?: string }).nodeName === name
      );
      for (const { metadata } of old) {
        await this.api.remove(RESOURCES.pods, { namespace: NAMESPACE, name: metadata.name });
      }
      await this.#makePod(name, address);
    });
  }

  async createService(service: TruthService): Promise<void> {
    const { name, addresses, local, sharingKey, endpoints } = service;
    await this.#change(`Service ${describe(service)} is created`, async () => {
      this.truth.services.set(name, service);
      const isIpv6 = (address: string) => address.includes(":");
      const families = [...new Set(addresses.map((address) => isIpv6(address) ? "IPv6" : "IPv4"))];
      await this.api.create(RESOURCES.services, {
        metadata: {
          name,
          namespace: SERVICES_NAMESPACE,
          annotations: sharingKey === undefined ? {} : { "metallb.io/allow-shared-ip": sharingKey },
        },
        spec: {
          type: "LoadBalancer",
          ports: [{ port: 80 + this.truth.services.size }],
          externalTrafficPolicy: local ? "Local" : "Cluster",
          ipFamilyPolicy: families.length > 1 ? "RequireDualStack" : "SingleStack",
          ipFamilies: families,
        },
      });
      await this.api.patch(RESOURCES.services, { ...placeOf(name), subresource: "status" }, {
        status: { loadBalancer: { ingress: addresses.map((ip) => ({ ip })) } },
      });
      await this.api.create(RESOURCES.endpointSlices, {
        metadata: { ...placeOf(`${name}-1`), labels: { "kubernetes.io/service-name": name } },
        addressType: "IPv4",
        ports: [{ port: 8080 }],
        endpoints: endpointsOf(endpoints),
      });
    });
  }

  async deleteService(name: string): Promise<void> {
    await this.#change(`Service ${name} is deleted`, async () => {
      this.truth.services.delete(name);
      await this.api.remove(RESOURCES.services, placeOf(name));
      await this.api.remove(RESOURCES.endpointSlices, placeOf(`${name}-1`));
    });
  }

  async setPolicy(name: string, local: boolean): Promise<void> {
    await this.#change(`Service ${name} has externalTrafficPolicy ${local ? "Local" : "Cluster"}`, async () => {
      this.truth.services.get(name)!.local = local;
      const spec = { externalTrafficPolicy: local ? "Local" : "Cluster" };
      await this.api.patch(RESOURCES.services, placeOf(name), { spec });
    });
  }

  async setEndpoints(name: string, endpoints: TruthService["endpoints"]): Promise<void> {
    const shown = endpoints.map(({ node, ready }) => `${node}${ready ? "" : " (not ready)"}`).join(", ");
    await this.#change(`Service ${name} has endpoints on ${shown || "no node"}`, async () => {
      this.truth.services.get(name)!.endpoints = endpoints;
      await this.api.patch(RESOURCES.endpointSlices, placeOf(`${name}-1`), { endpoints: endpointsOf(endpoints) });
    });
  }

  async setNode(name: string, change: Partial<Omit<TruthNode, "name">>): Promise<void> {
    await this.#change(`node ${name} becomes ${JSON.stringify(change)}`, async () => {
      const node = Object.assign(this.truth.nodes.get(name)!, change);
      const labels = { zone: node.zone, [EXCLUDE_LABEL]: node.excluded ? "" : null };
      await this.api.patch(RESOURCES.nodes, { name }, { metadata: { labels } });
    });
  }

  /** The router answers, if it has to: of an address that a node cannot ask for it knows nothing. */
  override isLinked(node: SimNode): boolean {
    return !this.#isAsking(node) || this.routerAnswers(node);
  }

  #isAsking(node: SimNode): boolean {
    return this.truth.linkProbes.some((probe) => this.servesOn(node, probe).length > 0);
  }

  override servesSince(node: SimNode, address: string): Millis | undefined {
    const since = super.servesSince(node, address);
    if (since === undefined || !this.#isAsking(node)) return since;
    return Math.max(since, this.routers[0]!.answersSince(node));
  }

  routerAnswers(node: SimNode): boolean {
    return this.routers[0]!.answers(node);
  }

  override interfacesOf(node: SimNode): InterfaceList {
    return this.truth.interfaces.get(this.truth.nodes.get(node.name)!.zone) ?? "all";
  }

  /** Whether the router answers some of the nodes. */
  hideRouter(from: readonly string[], options: { readonly hidden: boolean }): void {
    const { hidden } = options;
    this.act(`the router ${hidden ? "is not reached from" : "is reached again from"} ${from.join(", ")}`, () => {
      for (const router of this.routers) for (const name of from) router.hide(this.node(name), hidden);
    });
  }

  override get failback(): Failback {
    return this.truth.failback;
  }

  async advertise(change: Partial<Advertised>): Promise<void> {
    const shown = JSON.stringify(change, (_, value) => value instanceof Map ? Object.fromEntries(value) : value);
    await this.#change(`the advertisement says ${shown}`, async () => {
      Object.assign(this.truth, change);
      if (this.segments.length === 1) return await this.#patchAdvertisement(ADVERTISEMENT, undefined);
      const zones = [[ADVERTISEMENT, ZONES[0]], [OTHER_ADVERTISEMENT, ZONES[1]]] as const;
      // The zone that gets what the other one loses comes first, so that no address is without any for a moment.
      for (const [target, zone] of this.truth.onlyZone === ZONES[1] ? zones.toReversed() : zones) {
        await this.#patchAdvertisement(target, zone);
      }
    });
  }

  /** For the nodes of one zone, or for all. */
  async #patchAdvertisement(target: typeof ADVERTISEMENT, zone: string | undefined): Promise<void> {
    const { onlyZone, preferredZone, failback, linkProbes, interfaces } = this.truth;
    const matching = (value: string) => ({ matchLabels: { zone: value } });
    const preferred = (value: string) => ({ weight: 10, preference: matching(value) });
    const isLeftOut = zone !== undefined && onlyZone !== undefined && zone !== onlyZone;
    const selected = isLeftOut ? "nowhere" : zone ?? onlyZone;
    const list = interfaces.get(zone ?? "") ?? "all";
    await this.api.patch(RESOURCES.l2Advertisements, target, {
      metadata: {
        annotations: {
          "herald.dev/failback": annotationOf(failback),
          "herald.dev/link-probe": linkProbes.join(", ") || null,
        },
      },
      spec: {
        interfaces: list === "all" ? null : list,
        nodeSelectors: selected === undefined ? null : [matching(selected)],
        preferredNodeSelectors: preferredZone === undefined ? null : [preferred(preferredZone)],
      },
    });
  }

  #isCutOff(): boolean {
    return !this.api.isUp || this.#controls.values().some(({ line }) => !line.isUp);
  }

  /** Outages of several that overlap count as one. */
  #countOutage(): void {
    const { now } = this.time;
    if (this.#isCutOff()) this.#outageSince ??= now;
    else if (this.#outageSince !== undefined) {
      this.#longestOutageMs = Math.max(this.#longestOutageMs, now - this.#outageSince);
      this.#outageSince = undefined;
    }
  }

  async #change(what: string, run: () => Promise<void>): Promise<void> {
    this.forgetCandidates();
    this.changedAt = this.time.now;
    this.act(what, () => {});
    await run();
  }

  async #makePod(node: string, address: string): Promise<void> {
    const labels = Object.fromEntries(SPEAKER_LABELS.split(",").map((label) => label.split("=")));
    const metadata = { name: `speaker-${++this.#pods}`, namespace: NAMESPACE, labels };
    await this.api.create(RESOURCES.pods, {
      metadata,
      spec: { nodeName: node, hostNetwork: true, containers: [{ name: "speaker", image: "herald" }] },
    });
    await this.api.patch(RESOURCES.pods, { namespace: NAMESPACE, name: metadata.name, subresource: "status" }, {
      status: { phase: "Running", podIP: address, podIPs: [{ ip: address }] },
    });
  }
}

function annotationOf(failback: Failback): string | null {
  if (failback === "immediate") return null;
  return typeof failback === "number" ? `after=${failback}ms` : failback;
}

function placeOf(name: string): { readonly namespace: string; readonly name: string } {
  return { namespace: SERVICES_NAMESPACE, name };
}

function endpointsOf(endpoints: TruthService["endpoints"]): unknown[] {
  return endpoints.map(({ node, ready }, i) => ({
    addresses: [`10.0.0.${i + 1}`],
    nodeName: node,
    conditions: { ready, serving: ready, terminating: false },
  }));
}

function describe({ name, addresses, local, sharingKey, endpoints }: TruthService): string {
  const where = endpoints.map(({ node, ready }) => `${node}${ready ? "" : " (not ready)"}`).join(", ");
  const shared = sharingKey === undefined ? "" : ` shared by ${sharingKey}`;
  return `${name} (${addresses.join(", ")}${shared}, ${local ? "Local" : "Cluster"}, endpoints ${where})`;
}
