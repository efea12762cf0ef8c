/**
 * The story of `herald demo`: an address is given, announced and used; its speaker is told to stop; a node dies. Every
 * line is told when it has been seen to happen, and a step that does not happen ends the story with an error.
 */
import { formatMac, type Mac } from "../../base/mac.ts";
import type { KubeObject } from "../../base/kube.ts";
import type { LogEvent } from "../../base/log.ts";
import type { Clock, Millis } from "../../base/time.ts";
import type { AllocationRule } from "../../decision/control/service_notices.ts";
import type { LabProbe } from "../../edge/lab/lab_host.ts";
import { watchTimes } from "../../protocol/watch/times.ts";
import { CLIENT, type DemoCluster, NODES } from "./demo_cluster.ts";
import type { Narrator } from "./narrator.ts";

export interface Manifest {
  /** Path as the user would type it. */
  readonly path: string;
  readonly objects: readonly KubeObject[];
}

export interface StoryDeps {
  readonly cluster: DemoCluster;
  readonly narrator: Narrator;
  readonly clock: Clock;
}

interface Allocated {
  readonly service: string;
  readonly ips: readonly string[];
  readonly pool: string;
  readonly rule: AllocationRule;
}

const RULES: Readonly<Record<AllocationRule, string>> = {
  autoAssign: "the first pool, by priority and name, that may give it one, and its lowest free address",
  requestedPool: "the pool that its annotation names, and its lowest free address",
  requestedAddress: "the address that it asks for",
};

const SERVICE = { namespace: "default", name: "web" } as const;
const PROBE_INTERVAL_MS = 10;
/** Longer than a take-over, so that a request may be answered by the new owner. */
const PROBE_TIMEOUT_MS = 1000;
/** A leaver waits no longer than this to see its successor. */
const HAND_OVER_MS = 2000;
/** Requests go on this long before and after each event. */
const QUIET_MS = 500;

export class Story {
  readonly #deps: StoryDeps;
  /** When each address was last taken over and let go, by the speakers' own log. */
  readonly #announcedAt = new Map<string, Millis>();
  readonly #withdrawnAt = new Map<string, Millis>();

  constructor(deps: StoryDeps) {
    this.#deps = deps;
  }

  /** The log of all programs, as far as the story tells of it. */
  hear(event: LogEvent): void {
    const { narrator, clock } = this.#deps;
    if (event.event === "ipAllocated") {
      const { service, ips, pool, rule } = event as unknown as Allocated;
      narrator.tell(`controller: ${service} gets ${ips.join(", ")} from ${pool}: ${RULES[rule]}`);
    }
    if (event.event === "serviceAnnounced") {
      for (const address of event["ips"] as string[]) this.#announcedAt.set(address, clock.now());
    }
    if (event.event === "serviceWithdrawn") {
      for (const address of event["ips"] as string[]) this.#withdrawnAt.set(address, clock.now());
    }
    if (event.level === "error") narrator.tell(`${event.event}: ${event["error"]}`);
  }

  async tell(manifests: readonly Manifest[]): Promise<void> {
    const address = await this.#giveAddresses(manifests);
    await this.#reach(address);
    await this.#stopSpeaker(address);
    await this.#killNode(address);
  }

  async #giveAddresses(manifests: readonly Manifest[]): Promise<string> {
    const { cluster, narrator } = this.#deps;
    narrator.title("Services get addresses");
    for (const { path, objects } of manifests) {
      narrator.tell(`apply ${path}`);
      for (const line of await cluster.apply(objects)) narrator.print(`             ${line}`);
    }
    const services = manifests.flatMap(({ objects }) => objects).filter(({ kind }) => kind === "Service");
    for (const { metadata: { namespace = "default", name } } of services) {
      await cluster.waitUntil(
        async () => (await cluster.addressesOf(namespace, name)).length > 0,
        `Service ${namespace}/${name} has an address`,
      );
      for (const address of await cluster.addressesOf(namespace, name)) await this.#untilAnnounced(address);
    }
    await cluster.proxySettled();
    const [address] = await cluster.addressesOf(SERVICE.namespace, SERVICE.name);
    return address!;
  }

  /** Tells who announces `address` and why that node; returns its name. */
  async #untilAnnounced(address: string, other?: string): Promise<string> {
    const { cluster, narrator } = this.#deps;
    await cluster.waitUntil(() => {
      const announcer = cluster.announcerOf(address);
      return announcer !== undefined && announcer !== other;
    }, `somebody announces ${address}`);
    const announcer = cluster.announcerOf(address)!;
    const order = cluster.speakers.get(announcer)!.candidatesOf(address);
    const alive = order.filter((node) => cluster.speakers.has(node));
    narrator.tell(`speaker: ${address} is announced by ${announcer}`);
    narrator.print(
      `             the order for this address is ${order.join(", ")} (SHA-256 of "node#address"); ` +
        `the first that lives announces it, and ${alive.join(", ")} ${alive.length === 1 ? "lives" : "live"}`,
    );
    return announcer;
  }

  async #reach(address: string): Promise<void> {
    const { cluster, narrator } = this.#deps;
    const client = cluster.lab.host(CLIENT.name);
    narrator.title(`A client on the network reaches ${address}`);
    const { status, body, durationMs } = await client.httpGet(`http://${address}/`);
    const mac = await this.#resolvedMac(address);
    const node = nodeOfMac(mac);
    narrator.tell(`client: the kernel asked "who has ${address}?" and learned ${formatMac(mac)}, which is ${node}`);
    narrator.tell(`client: GET http://${address}/ -> ${status} in ${durationMs.toFixed(1)} ms: "${body.trim()}"`);
  }

  async #stopSpeaker(address: string): Promise<void> {
    const { cluster, narrator } = this.#deps;
    const owner = cluster.announcerOf(address)!;
    narrator.title(`The speaker of ${owner} is told to stop, as in a rolling update`);
    const probe = await this.#startProbe(address);
    narrator.tell(`the speaker of ${owner} is told to stop; the client goes on asking every ${PROBE_INTERVAL_MS} ms`);
    this.#withdrawnAt.delete(address);
    const stoppedAt = this.#deps.clock.now();
    await cluster.stopSpeaker(owner);
    await this.#untilAnnounced(address, owner);
    const withdrawnAt = this.#withdrawnAt.get(address);
    if (withdrawnAt === undefined) throw new Error(`the speaker of ${owner} ended without a hand-over`);
    const answeredMs = withdrawnAt - stoppedAt;
    const why = answeredMs < HAND_OVER_MS ? "then it saw its successor on the wire" : "and saw no successor";
    narrator.tell(`speaker of ${owner}: answered for ${answeredMs.toFixed(0)} ms more, ${why}, and ended`);
    await this.#report(probe, address);
  }

  async #killNode(address: string): Promise<void> {
    const { cluster, narrator, clock } = this.#deps;
    const owner = cluster.announcerOf(address)!;
    narrator.title(`${owner} dies: power cut`);
    const probe = await this.#startProbe(address);
    narrator.tell(`${owner} is dead: no cable, no speaker, no word to anybody`);
    const diedAt = clock.now();
    await cluster.killNode(owner);
    await this.#untilAnnounced(address, owner);
    const takenOverMs = (this.#announcedAt.get(address) ?? clock.now()) - diedAt;
    narrator.tell(
      `taken over ${
        takenOverMs.toFixed(0)
      } ms after the power cut (its probes stayed without an answer for ${watchTimes().detectionMs} ms)`,
    );
    await this.#report(probe, address);
  }

  async #startProbe(address: string): Promise<LabProbe> {
    const client = this.#deps.cluster.lab.host(CLIENT.name);
    const options = { address, port: 80, intervalMs: PROBE_INTERVAL_MS, timeoutMs: PROBE_TIMEOUT_MS };
    const probe = await client.startProbe(options);
    await pause(QUIET_MS);
    return probe;
  }

  async #report(probe: LabProbe, address: string): Promise<void> {
    const { narrator } = this.#deps;
    await pause(QUIET_MS);
    const report = await probe.stop();
    const node = nodeOfMac(await this.#resolvedMac(address));
    const cut = report.cut === 0 ? "" : ` (${report.cut} cut: open while the address moved)`;
    narrator.tell(
      `client: ${report.answered} of ${report.sent} requests answered${cut}, longest time without an answer ` +
        `${report.longestGapMs.toFixed(0)} ms; its kernel now sends to ${node}`,
    );
    if (report.answered === 0) throw new Error(`no request to ${address} was answered`);
  }

  async #resolvedMac(address: string): Promise<Mac> {
    const neighbours = await this.#deps.cluster.lab.host(CLIENT.name).neighbours();
    const mac = neighbours.find(({ ip }) => ip === address)?.mac;
    if (mac === undefined) throw new Error(`the client did not resolve ${address}`);
    return mac;
  }
}

function nodeOfMac(mac: Mac): string {
  return NODES.find((node) => node.mac === mac)?.name ?? "nobody";
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
