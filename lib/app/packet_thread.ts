/**
 * The packet thread: sockets on one side, the packet plane on the other, one loop between them.
 *
 * It runs in a Worker that holds FFI for libc and nothing else. Bytes end here: frames and datagrams are decoded before
 * they reach a machine and encoded after they left one. It takes no decision about addresses.
 */
import { type MessagePort as NodeMessagePort, receiveMessageOnPort } from "node:worker_threads";
import { COUNTER_SLOTS_MAX, SharedCounters } from "../base/shared_counters.ts";
import type { JsonObject } from "../base/json.ts";
import type { FromPacketThread, ToPacketThread } from "../base/wanted.ts";
import { BootClock } from "../edge/net/boot_clock.ts";
import { enterNetwork } from "../edge/net/namespace.ts";
import { SysError } from "../edge/net/errno.ts";
import { Netlink } from "../edge/net/netlink.ts";
import { openRequestSocket } from "../edge/net/netlink_socket.ts";
import { Poller } from "../edge/net/poller.ts";
import { WakeUp } from "../edge/net/wake_up.ts";
import { Driver, type Timed } from "../edge/run/driver.ts";
import { PacketLoop } from "../edge/run/packet_loop.ts";
import { systemRng } from "../edge/run/random.ts";
import type { GratuitousSchedule } from "../protocol/l2/gratuitous.ts";
import { PacketPlane } from "../protocol/packet_plane.ts";
import type { PacketPlaneEffect, PacketPlaneInput } from "../protocol/packet_plane_io.ts";
import { watchTimes } from "../protocol/watch/times.ts";
import { InterfaceSockets } from "./interface_sockets.ts";
import { LinkFollower, type LinkFollowerEffect, type LinksListed } from "./link_follower.ts";
import { Membership, type MembershipEvent, type MembershipInit } from "./membership.ts";
import { ReportBatch } from "./report_batch.ts";
import { WatchSockets, type WatchSocketsOptions } from "./watch_sockets.ts";

/** What the control thread hands over at start; all of it can be posted to a Worker. */
export interface PacketThreadInit {
  readonly node: string;
  readonly generation: number;
  /** `undefined`: the speakers do not watch each other. */
  readonly watch: WatchSocketsOptions & { readonly intervalMs?: number } | undefined;
  /** `undefined`: there is no gossip. */
  readonly membership?: MembershipInit | undefined;
  /** Answer nothing while neither the API nor a majority of the peers is seen. */
  readonly safe?: boolean;
  /** How take-overs are told, where it is not to be as usual. */
  readonly gratuitous?: GratuitousSchedule;
  /** Sources of the patterns of interface names that are not used. */
  readonly exclusions: readonly string[];
  /** Network namespace to work in; `undefined` for the one that the process has. */
  readonly namespacePath: string | undefined;
  readonly counters: SharedArrayBuffer;
  /** The eventfd by which the control thread ends this thread's sleep. */
  readonly wakeFd: number;
  readonly port: MessagePort;
}

/** The loop's own bounds, for a watch that is not quicker than usual. */
const SLEEP_MS_MAX = 100;
const WORK_MS_MAX = 50;

export class PacketThread {
  readonly #init: PacketThreadInit;
  readonly #port: MessagePort;
  readonly #clock = new BootClock();
  readonly #reports: ReportBatch;
  readonly #counters: SharedCounters;
  readonly #slots = new Map<string, number>();
  readonly #netlink: Netlink;
  readonly #links: LinkFollower;
  readonly #wakeUp: WakeUp;
  #watch: WatchSockets | undefined;
  readonly #interfaces: InterfaceSockets;
  readonly #dropped = new Map<string, number>();
  readonly #driver: Driver<PacketPlaneInput, PacketPlaneEffect>;
  readonly #plane: PacketPlane;
  readonly #loop: PacketLoop;
  readonly #membership: Membership | undefined;
  /** Who has not left yet after "stop". */
  readonly #staying = new Set<"plane" | "membership">(["plane"]);

  /** Opens what every speaker needs. Throws `SysError` when the kernel refuses. */
  constructor(init: PacketThreadInit) {
    this.#init = init;
    this.#port = init.port;
    this.#reports = new ReportBatch({ post: (reports) => this.#port.postMessage(reports) });
    this.#counters = new SharedCounters(init.counters);
    if (init.namespacePath !== undefined) enterNetwork(init.namespacePath);
    this.#netlink = Netlink.open({ notices: true });
    this.#links = new LinkFollower({ exclusions: init.exclusions }, {
      netlink: this.#netlink,
      clock: this.#clock,
      requestList: () => this.#requestLinks(),
      apply: (effect) => this.#followLink(effect),
    });
    this.#wakeUp = WakeUp.from(init.wakeFd);
    const times = watchTimes(init.watch?.intervalMs);
    const authenticated = init.watch?.secret !== undefined;
    const membership = init.membership !== undefined;
    const watch = init.watch === undefined ? undefined : { authenticated, membership, times };
    const { node, generation, safe = false, gratuitous = {} } = init;
    this.#plane = new PacketPlane({ node, generation, watch, safe, gratuitous }, { rng: systemRng() });
    this.#driver = new Driver({ name: "packet plane" }, {
      machine: this.#plane,
      clock: this.#clock,
      apply: (effect) => this.#apply(effect),
    });
    const timed: Timed[] = [this.#driver, this.#links];
    // A pause shorter than the others' detection takes nothing from us; a longer one may have.
    const gapMsMax = times.detectionMs;
    const sleepMsMax = Math.min(gapMsMax / 2, SLEEP_MS_MAX);
    this.#loop = new PacketLoop({ gapMsMax, sleepMsMax, workMsMax: Math.min(gapMsMax / 4, WORK_MS_MAX) }, {
      poller: new Poller(),
      clock: this.#clock,
      timed,
      onTurn: () => this.#counters.increment("loopTurns"),
      onTurnEnd: () => this.#reports.flush(),
      onGap: (gapMs, discarded) => {
        this.#counters.increment("gaps");
        this.#counters.increment("discarded", discarded);
        this.#driver.input({ kind: "gap", gapMs });
        this.#membership?.takeGap(gapMs);
      },
    });
    this.#interfaces = new InterfaceSockets({
      loop: this.#loop,
      receive: (frame) => this.#driver.input(frame),
      count: (counter) => this.#counters.increment(counter),
      drop: (reason) => this.#drop(reason),
      log: (event) => this.#post({ kind: "log", event }),
    });
    this.#membership = init.membership === undefined ? undefined : this.#openMembership(init.membership);
    timed.push(...this.#membership?.timed ?? []);
  }

  /** Blocks until the control thread says stop and every address is handed over. */
  run(): void {
    this.#loop.add({ fd: this.#wakeUp.fd, drain: () => this.#takeMessage(), discard: () => 0 });
    this.#loop.add(this.#links);
    this.#links.start();
    // Last: when the process is killed the kernel closes what was opened last first, and it takes its time with packet
    // sockets. The others learn of a death by these.
    this.#watch = this.#openWatch();
    this.#driver.input({ kind: "opened" });
    this.#loop.run();
    this.#interfaces.closeAll();
    this.#watch?.close();
    this.#membership?.close();
    this.#netlink.close();
    this.#post({ kind: "stopped" });
    this.#reports.flush();
  }

  #openWatch(): WatchSockets | undefined {
    if (this.#init.watch === undefined) return undefined;
    return new WatchSockets(this.#init.watch, {
      loop: this.#loop,
      clock: this.#clock,
      input: (input) => this.#driver.input(input),
      count: (counter) => this.#counters.increment(counter),
      drop: (reason) => this.#drop(reason),
    });
  }

  /**
   * One message a turn, so that a large snapshot, which comes as many deltas, delays packets by one delta at most. The
   * wake-up stays readable until the port was seen empty after it was drained: so none is overlooked.
   */
  #takeMessage(): number {
    let received = receiveMessageOnPort(this.#port as unknown as NodeMessagePort);
    if (received === undefined) {
      this.#wakeUp.drain();
      received = receiveMessageOnPort(this.#port as unknown as NodeMessagePort);
      if (received === undefined) return 0;
      this.#wakeUp.wake();
    }
    const message = received.message as ToPacketThread | LinksListed;
    switch (message.kind) {
      case "delta":
        this.#driver.input({ kind: "delta", delta: message.delta });
        this.#membership?.takePeers(message.delta);
        break;
      case "links":
        this.#links.takeList(message.list);
        break;
      case "secret":
        this.#membership?.changeSecret(message.secret);
        this.#watch?.changeSecret(message.secret);
        break;
      case "inspect":
        this.#post({ kind: "inspected", id: message.id, state: this.#inspect() });
        break;
      case "api":
      case "restored":
        this.#driver.input(message);
        break;
      case "stop":
        this.#driver.input({ kind: "leave" });
        this.#membership?.leave();
        break;
      case "cut":
        this.#loop.stop();
    }
    return 1;
  }

  #inspect(): JsonObject {
    return {
      node: this.#init.node,
      ...this.#links.inspect(),
      counters: this.#counters.inspect(),
      dropped: Object.fromEntries(this.#dropped),
      nextDeadline: this.#plane.deadline()?.why ?? null,
      membership: this.#membership?.inspect() ?? null,
      ...this.#plane.inspect(),
    };
  }

  #openMembership(init: MembershipInit): Membership {
    const { node, generation } = this.#init;
    this.#staying.add("membership");
    return new Membership({ ...init, node, generation }, {
      loop: this.#loop,
      clock: this.#clock,
      rng: systemRng(),
      counters: this.#counters,
      drop: (reason) => this.#drop(reason),
      tell: (event) => this.#takeMembership(event),
    });
  }

  #takeMembership(event: MembershipEvent): void {
    switch (event.kind) {
      case "member":
        this.#post(event);
        return this.#driver.input(event);
      case "membersKnown":
        return this.#driver.input(event);
      case "log":
        return this.#post(event);
      case "left":
        return this.#leave("membership");
    }
  }

  /** The loop ends when everything is handed over and everybody is told. */
  #leave(part: "plane" | "membership"): void {
    this.#staying.delete(part);
    if (this.#staying.size === 0) this.#loop.stop();
  }

  /** The socket is opened here, because the namespace is this thread's. */
  #requestLinks(): void {
    try {
      this.#post({ kind: "listLinks", fd: openRequestSocket().fd });
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      this.#links.takeList(undefined);
    }
  }

  /** False when an interface could not be opened. */
  #followLink(effect: LinkFollowerEffect): boolean {
    switch (effect.kind) {
      case "open":
        if (!this.#interfaces.open(effect.interface)) return false;
        this.#driver.input({ kind: "interface", interface: effect.interface });
        return true;
      case "change":
        this.#driver.input({ kind: "interface", interface: effect.interface });
        return true;
      case "close":
        if (this.#interfaces.close(effect.interface)) {
          this.#driver.input({ kind: "interfaceGone", ifindex: effect.interface.ifindex });
        }
        return true;
      case "report":
        this.#driver.input({ kind: "interfaces", report: effect.report });
        return true;
      case "networks":
        this.#post(effect);
        return true;
    }
  }

  #apply(effect: PacketPlaneEffect): void {
    switch (effect.kind) {
      case "sendArp":
      case "sendNdp":
        return this.#send(effect);
      case "joinGroup":
      case "leaveGroup":
        return this.#interfaces.changeGroup(effect);
      case "sendWatch":
        return this.#watch?.send(effect);
      case "openLine":
        return this.#watch?.openLine(effect);
      case "closeLine":
        return this.#watch?.closeLine(effect.node);
      case "event":
        return this.#post(effect.event);
      case "serving":
        this.#post({ kind: "serving", serving: effect.serving });
        return this.#membership?.setFacts({ state: effect.state, ...effect.serving });
      case "left":
        this.#leave("plane");
    }
  }

  #send(effect: PacketPlaneEffect & { readonly kind: "sendArp" | "sendNdp" }): void {
    const { address, counter } = effect;
    const isSent = this.#interfaces.send(effect);
    if (counter === undefined) return;
    const slot = this.#slotOf(address);
    if (slot === undefined) return;
    if (counter === "responsesSent") this.#counters.incrementAddress(slot, "requestsReceived");
    if (isSent) this.#counters.incrementAddress(slot, counter);
  }

  /** `undefined` when there are none left. */
  #slotOf(address: string): number | undefined {
    let slot = this.#slots.get(address);
    if (slot !== undefined || this.#slots.size === COUNTER_SLOTS_MAX) return slot;
    slot = this.#slots.size;
    this.#slots.set(address, slot);
    this.#post({ kind: "counterSlot", address, slot });
    return slot;
  }

  /** Counts what is not processed by its reason; the reasons are a closed set, so the map stays small. */
  #drop(reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
  }

  #post(report: FromPacketThread): void {
    this.#reports.push(report);
  }
}
