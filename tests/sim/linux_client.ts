/**
 * A Linux host that talks to the addresses of both families: its neighbour caches by the measured rules (wire-facts §5.2
 * and §5.4), and one packet per address every few milliseconds to wherever they point.
 */
import { type Ip, type Ipv4, type Ipv6, parseIpv4, parseIpv6 } from "../../lib/base/ip.ts";
import { type Mac, MAC_BROADCAST, MAC_ZERO } from "../../lib/base/mac.ts";
import type { ArpRecord } from "../../lib/wire/arp.ts";
import { NDP_FLAG_OVERRIDE, NDP_FLAG_SOLICITED } from "../../lib/wire/iana.ts";
import type { NdpRecord } from "../../lib/wire/ndp.ts";
import { neighborSolicitation } from "../../lib/wire/ndp_frames.ts";
import { NeighbourCache } from "./neighbour_cache.ts";
import type { Network, Station } from "./network.ts";
import type { VirtualTime } from "./virtual_time.ts";

const LOCKTIME_MS = 1000;

export class LinuxClient implements Station {
  readonly name = "client";
  readonly mac = 0x02_00_00_00_0c_01 as Mac;
  readonly address = "192.0.2.250";
  readonly #ip = parseIpv4(this.address)!;
  readonly #ipv6 = parseIpv6("2001:db8:2::250")!;
  readonly #arp: NeighbourCache<Ipv4>;
  readonly #ndp: NeighbourCache<Ipv6>;
  readonly #deps: { time: VirtualTime; network: Network };

  constructor(deps: { time: VirtualTime; network: Network }) {
    this.#deps = deps;
    this.#arp = new NeighbourCache({ time: deps.time, ask: (ip, station) => this.#request(ip, station) });
    this.#ndp = new NeighbourCache({ time: deps.time, ask: (ip, station) => this.#solicit(ip, station) });
  }

  /** Where a packet for `ip` goes now; asks the segment when that is not known. */
  send(ip: Ip): Mac | undefined {
    return ip.family === 4 ? this.#arp.send(Number(ip.value) as Ipv4) : this.#ndp.send(ip.value as Ipv6);
  }

  onArp(record: ArpRecord): void {
    const { senderIp, senderMac } = record;
    const entry = this.#arp.get(senderIp);
    const isReply = record.operation === 2;
    const isGratuitous = senderIp === record.targetIp && (!isReply || record.targetMac === senderMac);
    const isAnswer = isReply && record.targetIp === this.#ip;
    if (entry === undefined) {
      if (isAnswer && this.#arp.isAsked(senderIp)) this.#arp.learn(senderIp, { mac: senderMac, confirmed: true });
      return;
    }
    if (isAnswer && entry.probes > 0 && senderMac === entry.mac) {
      return this.#arp.learn(senderIp, { mac: senderMac, confirmed: true });
    }
    if (!isReply && !isGratuitous) return;
    if (!isGratuitous && this.#deps.time.now - entry.updatedAt <= LOCKTIME_MS) return;
    this.#arp.learn(senderIp, { mac: senderMac, confirmed: false });
  }

  onNdp({ type, target, flags, linkLayerAddress: mac }: NdpRecord): void {
    if (type !== 136 || mac === undefined) return;
    const entry = this.#ndp.get(target);
    const isSolicited = (flags & NDP_FLAG_SOLICITED) !== 0;
    const overrides = (flags & NDP_FLAG_OVERRIDE) !== 0;
    if (entry === undefined) {
      // An advertisement that nobody asked for makes no entry.
      if (this.#ndp.isAsked(target)) this.#ndp.learn(target, { mac, confirmed: isSolicited });
      return;
    }
    if (mac !== entry.mac && !overrides) return this.#ndp.doubt(target);
    if (mac !== entry.mac || isSolicited) this.#ndp.learn(target, { mac, confirmed: isSolicited });
  }

  #request(targetIp: Ipv4, station: Mac | undefined): void {
    this.#deps.network.sendArp(this, {
      etherDestination: station ?? MAC_BROADCAST,
      etherSource: this.mac,
      operation: 1,
      senderMac: this.mac,
      senderIp: this.#ip,
      targetMac: MAC_ZERO,
      targetIp,
    });
  }

  #solicit(target: Ipv6, station: Mac | undefined): void {
    const question = neighborSolicitation({ mac: this.mac, source: this.#ipv6, target });
    this.#deps.network.sendNdp(
      this,
      station === undefined ? question : { ...question, etherDestination: station, destination: target },
    );
  }
}
