/**
 * Interfaces of all kinds as the kernel tells them, decoded and judged: what reference §6.1 says of each. The flags are
 * those that such interfaces show (linux/if.h); few test machines have a kernel that can make all of them.
 */
import { assertEquals } from "@std/assert/equals";
import { decodeLink } from "../../lib/edge/net/netlink_codec.ts";
import { MessageWriter } from "../../lib/edge/net/netlink_message.ts";
import { refuseInterface } from "../../lib/protocol/l2/interface.ts";

const HEADER_BYTES = 16;
const [IFLA_ADDRESS, IFLA_IFNAME, IFLA_MASTER, IFLA_OPERSTATE] = [1, 3, 10, 16];
const [UNKNOWN, LOWER_LAYER_DOWN, DORMANT, UP] = [0, 3, 5, 6];

const KINDS: readonly (readonly [
  what: string,
  told: { flags: number; state: number; master?: number; mac?: readonly number[] },
  refusal: string | undefined,
])[] = [
  // UP BROADCAST RUNNING MASTER MULTICAST LOWER_UP
  ["a bond", { flags: 0x11443, state: UP }, undefined],
  ["a bond all of whose ports are down", { flags: 0x1403, state: LOWER_LAYER_DOWN }, "noCarrier"],
  // … SLAVE
  ["a port of a bond", { flags: 0x11843, state: UP, master: 7 }, "enslaved"],
  ["a port of a bond without a cable", { flags: 0x1803, state: LOWER_LAYER_DOWN, master: 7 }, "enslaved"],
  ["a team", { flags: 0x11043, state: UP }, undefined],
  ["a port of a team", { flags: 0x11043, state: UP, master: 7 }, "enslaved"],
  ["a bridge", { flags: 0x11043, state: UP }, undefined],
  ["a bridge without ports", { flags: 0x1003, state: LOWER_LAYER_DOWN }, "noCarrier"],
  ["a port of a bridge", { flags: 0x11143, state: UP, master: 7 }, "enslaved"],
  ["a port of an Open vSwitch", { flags: 0x11143, state: UNKNOWN, master: 7 }, "enslaved"],
  ["an internal port of an Open vSwitch, which has no master", { flags: 0x11043, state: UNKNOWN }, undefined],
  ["a VLAN interface, also one on a bridge", { flags: 0x11043, state: UP }, undefined],
  ["a VLAN interface whose lower one lost its carrier", { flags: 0x1003, state: LOWER_LAYER_DOWN }, "noCarrier"],
  // NOARP MASTER UP RUNNING LOWER_UP
  ["a VRF", { flags: 0x104c1, state: UP }, "noArp"],
  ["a member of a VRF", { flags: 0x11043, state: UP, master: 7 }, "enslaved"],
  ["a macvlan", { flags: 0x11043, state: UP }, undefined],
  ["a dummy, as kube-ipvs0 is one", { flags: 0x10083, state: UNKNOWN }, "noArp"],
  ["loopback", { flags: 0x10049, state: UNKNOWN }, "noBroadcast"],
  ["a tunnel of layer 3", { flags: 0x110d1, state: UNKNOWN, mac: [] }, "noArp"],
  ["a point-to-point link that resolves nothing", { flags: 0x110d1 & ~0x80, state: UNKNOWN, mac: [] }, "noBroadcast"],
  ["InfiniBand, whose address has twenty octets", {
    flags: 0x11043,
    state: UP,
    mac: Array.from({ length: 20 }, () => 1),
  }, "noMac"],
  ["Wi-Fi with an access point", { flags: 0x11043, state: UP }, undefined],
  // UP BROADCAST MULTICAST LOWER_UP, not RUNNING
  ["Wi-Fi that is not let in yet, and a port that waits for 802.1X", { flags: 0x11003, state: DORMANT }, "dormant"],
  ["Wi-Fi without an access point", { flags: 0x1003, state: LOWER_LAYER_DOWN }, "noCarrier"],
];

for (const [what, told, refusal] of KINDS) {
  Deno.test(`Interfaces: ${what} is ${refusal === undefined ? "announced on" : `refused: ${refusal}`}`, () => {
    const link = decodeLink(message(told));
    assertEquals(link && refuseInterface(link), refusal);
  });
}

/** The body of an RTM_NEWLINK. */
function message({ flags, state, master, mac = [2, 0, 0, 0, 0, 1] }: (typeof KINDS)[number][1]): Uint8Array {
  const writer = new MessageWriter({ type: 16, flags: 0 }).u32(0).u32(5).u32(flags).u32(0);
  writer.attributeText(IFLA_IFNAME!, "eth0.100").attribute(IFLA_OPERSTATE!, [state]);
  if (mac.length > 0) writer.attribute(IFLA_ADDRESS!, mac);
  if (master !== undefined) writer.attributeU32(IFLA_MASTER!, master);
  return writer.finish({ sequence: 1 }).subarray(HEADER_BYTES);
}
