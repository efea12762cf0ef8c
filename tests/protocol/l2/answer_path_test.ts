/** What a frame costs on its way through the whole plane: look-ups are counted, so that a slow machine does not matter. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { formatPacketIp, type Ipv4, type Ipv6, parseIpv4, parseIpv6 } from "../../../lib/base/ip.ts";
import type { Mac } from "../../../lib/base/mac.ts";
import { SeededRng } from "../../../lib/base/rng.ts";
import { DEFAULT_ADDRESS_POLICY } from "../../../lib/base/wanted.ts";
import { PacketPlane } from "../../../lib/protocol/packet_plane.ts";
import type { PacketPlaneInput } from "../../../lib/protocol/packet_plane_io.ts";
import { arpRequest } from "../../../lib/wire/arp_frames.ts";
import { neighborSolicitation } from "../../../lib/wire/ndp_frames.ts";

const FIRST = parseIpv4("198.18.0.0")!;
const FIRST_IPV6 = parseIpv6("2001:db8::1:0")!;
const ASKER = { mac: 0x02_00_00_00_00_99 as Mac, ipv4: parseIpv4("192.0.2.9")!, ipv6: parseIpv6("2001:db8::99")! };
const ETH0 = { ifindex: 2, name: "eth0", mac: 0x02_00_00_00_00_0a as Mac, linkLocal: "fe80::a" };
const PEERS = 50;

type Family = "ARP" | "NDP";

function addressAt(family: Family, index: number): Ipv4 | Ipv6 {
  return family === "ARP" ? (FIRST + index) as Ipv4 : (FIRST_IPV6 + BigInt(index)) as Ipv6;
}

/** A question for the address of that index, of a station that is nobody. */
function question(family: Family, index: number): PacketPlaneInput {
  const { mac, ipv4, ipv6 } = ASKER;
  const target = addressAt(family, index);
  if (typeof target === "bigint") {
    return { kind: "ndp", ifindex: 2, record: neighborSolicitation({ mac, source: ipv6, target }) };
  }
  const record = arpRequest({ mac, senderIp: ipv4, targetIp: target, to: undefined });
  return { kind: "arp", ifindex: 2, record };
}

/** A plane that answers for so many addresses, with peers, and with gateways that link probes ask. */
function planeWith(family: Family, addresses: number): PacketPlane {
  const plane = new PacketPlane({ node: "a", generation: 5, watch: undefined }, { rng: new SeededRng(3) });
  const policy = { ...DEFAULT_ADDRESS_POLICY, linkProbes: ["192.0.2.1", "fe80::1"] };
  const upsertAddresses = Array.from({ length: addresses }, (_, index) => ({
    address: formatPacketIp(addressAt(family, index)),
    candidates: ["a"],
    interfaces: "all" as const,
    services: ["default/x"],
    policy,
  }));
  const upsertPeers = Array.from({ length: PEERS }, (_, index) => ({
    node: `n${index}`,
    address: `192.0.2.${100 + index}`,
    port: 7947,
  }));
  const delta = { generation: 1, upsertAddresses, removeAddresses: [], upsertPeers, removePeers: [], complete: true };
  const inputs: PacketPlaneInput[] = [{ kind: "interface", interface: ETH0 }, { kind: "opened" }, {
    kind: "delta",
    delta,
  }];
  for (const input of inputs) plane.handle(input, 0);
  drain(plane);
  return plane;
}

function drain(plane: PacketPlane): string[] {
  const kinds: string[] = [];
  for (let effect; (effect = plane.poll()) !== undefined;) kinds.push(effect.kind);
  return kinds;
}

/** How often a hash table is asked while `use` runs, but for the interface by its number. */
function lookUps(use: () => void): number {
  const [{ get, has }, setHas] = [Map.prototype, Set.prototype.has];
  let count = 0;
  const counted = <T>(method: (this: T, key: never) => unknown) =>
    function (this: T, key: never) {
      if (key !== ETH0.ifindex) count++;
      return method.call(this, key);
    };
  Object.assign(Map.prototype, { get: counted(get), has: counted(has) });
  Set.prototype.has = counted(setHas) as typeof setHas;
  try {
    use();
  } finally {
    Object.assign(Map.prototype, { get, has });
    Set.prototype.has = setHas;
  }
  return count;
}

for (const family of ["ARP", "NDP"] as const) {
  for (const addresses of [1, 5000]) {
    Deno.test(`${family}: with ${addresses} addresses a question is one look-up of what is asked, and for others at most one`, () => {
      const plane = planeWith(family, addresses);
      const last = addresses - 1;
      assertEquals(lookUps(() => plane.handle(question(family, last), 1)), 1);
      assertEquals(drain(plane), [family === "ARP" ? "sendArp" : "sendNdp"]);
      const others = Array.from(
        { length: 1000 },
        (_, index) => lookUps(() => plane.handle(question(family, addresses + index), 1)),
      );
      assertEquals(drain(plane), []);
      assert(Math.max(...others) <= 1, `one for others took ${Math.max(...others)}`);
      const inVain = others.filter((count) => count > 0).length;
      assert(inVain < 100, `${inVain} of 1000 for others were looked up`);
    });
  }
}
