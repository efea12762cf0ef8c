/** Packet planes with a bug, each of another kind: what the checkers must find. */
import type { Ipv4 } from "../../lib/base/ip.ts";
import type { Tick } from "../../lib/base/machine.ts";
import type { Millis } from "../../lib/base/time.ts";
import { type AddressPolicy, DEFAULT_ADDRESS_POLICY, type WantedAddress } from "../../lib/base/wanted.ts";
import type { PacketPlaneEffect, PacketPlaneInput } from "../../lib/protocol/packet_plane_io.ts";
import { arpReply, gratuitousReply, isGratuitous } from "../../lib/wire/arp_frames.ts";
import { formatIpv4, parseIpv4 } from "../../lib/base/ip.ts";
import type { Plane, SimNode } from "./sim_node.ts";

const TURN_MS = 700;
/** Addresses are asked for every 5 ms, and no frame takes more than 3. */
const TURN_OFFSET_MS = 4;

type Input = PacketPlaneInput | Tick;

/** The real plane; a bug is what overrides one of the two. */
class BrokenPlane implements Plane {
  protected readonly real: Plane;
  protected readonly node: SimNode;
  readonly #queue: PacketPlaneEffect[] = [];

  constructor(real: Plane, node: SimNode) {
    this.real = real;
    this.node = node;
  }

  handle(input: Input, now: Millis): void {
    this.real.handle(input, now);
    for (let effect; (effect = this.real.poll()) !== undefined;) this.#queue.push(...this.change(effect, now));
    this.#queue.push(...this.add(input, now));
  }

  poll(): PacketPlaneEffect | undefined {
    return this.#queue.shift();
  }

  deadline(): ReturnType<Plane["deadline"]> {
    return this.real.deadline();
  }

  inspect(): ReturnType<Plane["inspect"]> {
    return this.real.inspect();
  }

  protected change(effect: PacketPlaneEffect, _now: Millis): PacketPlaneEffect[] {
    return [effect];
  }

  protected add(_input: Input, _now: Millis): PacketPlaneEffect[] {
    return [];
  }
}

/** Goes on answering for whatever it has answered for once. */
export class NeverLetsGo extends BrokenPlane {
  readonly #had = new Set<Ipv4>();
  #answered = false;

  protected override change(effect: PacketPlaneEffect): PacketPlaneEffect[] {
    if (effect.kind === "sendArp" && effect.counter === "responsesSent") {
      this.#had.add(effect.record.senderIp);
      this.#answered = true;
    }
    return [effect];
  }

  protected override add(input: Input): PacketPlaneEffect[] {
    const answered = this.#answered;
    this.#answered = false;
    if (answered || input.kind !== "arp" || input.record.operation !== 1 || isGratuitous(input.record)) return [];
    if (!this.#had.has(input.record.targetIp)) return [];
    const record = arpReply({ request: input.record, mac: this.node.mac });
    return [{ kind: "sendArp", ifindex: 2, record, counter: "responsesSent", address: formatIpv4(record.senderIp) }];
  }
}

/** Announces an address that nobody wants. */
export class AnnouncesForeign extends BrokenPlane {
  protected override add(input: Input): PacketPlaneEffect[] {
    if (input.kind !== "delta") return [];
    const address = "198.51.100.77";
    const record = gratuitousReply(this.node.mac, parseIpv4(address)!);
    return [{ kind: "sendArp", ifindex: 2, record, counter: "gratuitousSent", address }];
  }
}

/** Owns, but answers nobody. */
export class Silent extends BrokenPlane {
  protected override change(effect: PacketPlaneEffect): PacketPlaneEffect[] {
    return effect.kind === "sendArp" && effect.counter === "responsesSent" ? [] : [effect];
  }
}

/** Owns, but does not tell the segment: neighbours go on sending to the node before. */
export class NeverAnnounces extends BrokenPlane {
  protected override change(effect: PacketPlaneEffect): PacketPlaneEffect[] {
    return effect.kind === "sendArp" && isGratuitous(effect.record) ? [] : [effect];
  }
}

/** Holds another order of the candidates than its peers. */
export class ReversesOrder extends BrokenPlane {
  override handle(input: Input, now: Millis): void {
    if (input.kind !== "delta") return super.handle(input, now);
    super.handle(withAddresses(input, ({ candidates }) => ({ candidates: [...candidates].reverse() })), now);
  }
}

/** The real plane, that is told another policy. */
class OtherPolicy extends BrokenPlane {
  protected readonly other: Partial<AddressPolicy> = {};

  override handle(input: Input, now: Millis): void {
    if (input.kind !== "delta") return super.handle(input, now);
    const changed = (policy: AddressPolicy | undefined) => ({ ...DEFAULT_ADDRESS_POLICY, ...policy, ...this.other });
    super.handle(withAddresses(input, ({ policy }) => ({ policy: changed(policy) })), now);
  }
}

/** Takes back what it comes back to. */
export class NeverWaits extends OtherPolicy {
  protected override readonly other = { failback: "immediate" } as const;
}

/** Goes on though the time of who comes back is over. */
export class WaitsForever extends OtherPolicy {
  protected override readonly other = { failback: "never" } as const;
}

/** Asks no router whether its link leads anywhere. */
export class TrustsItsLink extends OtherPolicy {
  protected override readonly other = { linkProbes: [] };
}

/** Hands over without a word. */
export class GivesUpSilently extends BrokenPlane {
  protected override change(effect: PacketPlaneEffect): PacketPlaneEffect[] {
    const isGiveUp = effect.kind === "sendWatch" && effect.message.claims?.entries.some(({ givenUp }) => givenUp);
    return isGiveUp ? [] : [effect];
  }
}

/** Announces on all its interfaces. */
export class IgnoresLists extends BrokenPlane {
  override handle(input: Input, now: Millis): void {
    super.handle(input.kind === "delta" ? withAddresses(input, () => ({ interfaces: "all" })) : input, now);
  }
}

/** Takes every interface that has a link for one that has IPv6. */
export class TrustsIpv6 extends BrokenPlane {
  override handle(input: Input, now: Millis): void {
    super.handle(input.kind === "interfaces" ? { ...input, report: { ...input.report, ipv4Only: [] } } : input, now);
  }
}

/** Does not hear that the API is not heard. */
export class TrustsTheApi extends BrokenPlane {
  override handle(input: Input, now: Millis): void {
    if (input.kind !== "api") super.handle(input, now);
  }
}

/** Knows no members but those of Herald. */
export class IgnoresMetallb extends BrokenPlane {
  override handle(input: Input, now: Millis): void {
    const isForeign = input.kind === "member" && input.change.member?.facts === undefined;
    if (!isForeign || this.node.program === "metallb") super.handle(input, now);
  }
}

/** Leaves without handing over. */
export class LeavesAtOnce extends BrokenPlane {
  protected override add(input: Input): PacketPlaneEffect[] {
    return input.kind === "leave" ? [{ kind: "left" }] : [];
  }
}

/** Two nodes answer in turns for whatever is asked; the change falls where no frame is under way. */
export class TakesTurns extends BrokenPlane {
  protected override change(effect: PacketPlaneEffect): PacketPlaneEffect[] {
    return effect.kind === "sendArp" ? [] : [effect];
  }

  protected override add(input: Input, now: Millis): PacketPlaneEffect[] {
    const turn = Math.floor((now - TURN_OFFSET_MS) / TURN_MS) % 2 === 0 ? "node-a" : "node-b";
    if (this.node.name !== turn || input.kind !== "arp" || input.record.operation !== 1) return [];
    if (isGratuitous(input.record) || input.record.targetIp !== parseIpv4("198.51.100.1")) return [];
    const record = arpReply({ request: input.record, mac: this.node.mac });
    return [{ kind: "sendArp", ifindex: 2, record, counter: "responsesSent", address: formatIpv4(record.senderIp) }];
  }
}

/** Does everything right, and says that it has a bug. */
export class LogsAnError extends BrokenPlane {
  protected override add(input: Input): PacketPlaneEffect[] {
    if (input.kind !== "opened") return [];
    return [{ kind: "event", event: { kind: "log", event: { level: "error", event: "brokenOnPurpose" } } }];
  }
}

/** Breaks an invariant. */
export class Throws extends BrokenPlane {
  protected override add(input: Input): PacketPlaneEffect[] {
    if (input.kind === "opened") throw new Error("broken on purpose");
    return [];
  }
}

type DeltaInput = PacketPlaneInput & { readonly kind: "delta" };

function withAddresses({ delta }: DeltaInput, change: (wanted: WantedAddress) => Partial<WantedAddress>): DeltaInput {
  const upsertAddresses = delta.upsertAddresses.map((wanted) => ({ ...wanted, ...change(wanted) }));
  return { kind: "delta", delta: { ...delta, upsertAddresses } };
}
