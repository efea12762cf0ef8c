import { assertEquals } from "@std/assert/equals";
import { type Ipv4, parseIpv4 } from "../../lib/base/ip.ts";
import { type Mac, parseMac } from "../../lib/base/mac.ts";
import { type ArpRecord, encodeArpInto } from "../../lib/wire/arp.ts";
import {
  addressProbe,
  arpReply,
  arpRequest,
  gratuitousReply,
  gratuitousRequest,
  isAddressProbe,
  isGratuitous,
} from "../../lib/wire/arp_frames.ts";
import { ARP_VECTORS } from "../support/arp_vectors.ts";

const OURS = parseMac("02:00:00:00:00:0a")!;
const ASKER = parseMac("02:00:00:00:00:99")!;
const VIP = parseIpv4("192.0.2.10")!;
const ASKER_IP = parseIpv4("192.0.2.1")!;

const REQUEST: ArpRecord = {
  etherDestination: parseMac("ff:ff:ff:ff:ff:ff")!,
  etherSource: ASKER,
  operation: 1,
  senderMac: ASKER,
  senderIp: ASKER_IP,
  targetMac: 0 as Mac,
  targetIp: VIP,
};

function vector(name: string): ArpRecord {
  return ARP_VECTORS.find((candidate) => candidate.name === name)!.record;
}

function hex(record: ArpRecord): string {
  const out = new Uint8Array(60).fill(0xa5);
  encodeArpInto(record, out);
  return out.toHex();
}

Deno.test("arpRequest: the captured broadcast request, byte for byte", () => {
  const { senderMac, senderIp, targetIp } = vector("broadcast request");
  assertEquals(arpRequest({ mac: senderMac, senderIp, targetIp, to: undefined }), vector("broadcast request"));
  assertEquals(arpRequest({ mac: OURS, senderIp: ASKER_IP, targetIp: VIP, to: ASKER }).etherDestination, ASKER);
});

Deno.test("arpReply: gives the captured reply for the captured request", () => {
  assertEquals(
    arpReply({ request: vector("broadcast request"), mac: 0x3ee255e65fcc as Mac }),
    vector("reply to it"),
  );
  assertEquals(arpReply({ request: vector("unicast request"), mac: 0x7e0dfa58a8c8 as Mac }), vector("kernel's reply"));
});

Deno.test("arpReply: goes to the station that sent the frame, and names the sender that the request names", () => {
  const proxied = { ...REQUEST, etherSource: parseMac("02:00:00:00:00:77")! };
  assertEquals(
    hex(arpReply({ request: proxied, mac: OURS })),
    "020000000077" + "02000000000a" + "0806" + "0001080006040002" + "02000000000a" + "c000020a" + "020000000099" +
      "c0000201" + "00".repeat(18),
  );
});

Deno.test("arpReply: an address probe (RFC 5227 §2.1.1) is answered with target 0.0.0.0", () => {
  const reply = arpReply({ request: { ...REQUEST, senderIp: 0 as Ipv4 }, mac: OURS });
  assertEquals(reply.etherDestination, ASKER);
  assertEquals(reply.senderIp, VIP);
  assertEquals(reply.targetMac, ASKER);
  assertEquals(reply.targetIp, 0 as Ipv4);
});

Deno.test("gratuitousRequest: is the frame of arping -U", () => {
  assertEquals(gratuitousRequest(0x7e0dfa58a8c8 as Mac, 0x0a62000b as Ipv4), vector("arping -U"));
  assertEquals(
    hex(gratuitousRequest(OURS, VIP)),
    "ffffffffffff" + "02000000000a" + "0806" + "0001080006040001" + "02000000000a" + "c000020a" + "ffffffffffff" +
      "c000020a" + "00".repeat(18),
  );
});

Deno.test("gratuitousReply: is the frame of arping -A, with our own address as target", () => {
  assertEquals(gratuitousReply(0x7e0dfa58a8c8 as Mac, 0x0a62000b as Ipv4), vector("arping -A"));
  assertEquals(
    hex(gratuitousReply(OURS, VIP)),
    "ffffffffffff" + "02000000000a" + "0806" + "0001080006040002" + "02000000000a" + "c000020a" + "02000000000a" +
      "c000020a" + "00".repeat(18),
  );
});

Deno.test("isGratuitous: only a frame that announces its own sender", () => {
  const rows: readonly (readonly [name: string, record: ArpRecord, expected: boolean])[] = [
    ["request", vector("broadcast request"), false],
    ["reply", vector("reply to it"), false],
    ["probe", vector("arping -D"), false],
    ["unicast request", vector("unicast request"), false],
    ["0.0.0.0 announced", gratuitousRequest(OURS, 0 as Ipv4), false],
    ["arping -U", vector("arping -U"), true],
    ["arping -A", vector("arping -A"), true],
    ["our request form", gratuitousRequest(OURS, VIP), true],
    ["our reply form", gratuitousReply(OURS, VIP), true],
    ["MetalLB's reply form", { ...gratuitousReply(OURS, VIP), targetMac: 0xffffffffffff as Mac }, true],
    ["target 00:00:00:00:00:00", { ...gratuitousRequest(OURS, VIP), targetMac: 0 as Mac }, true],
  ];
  for (const [name, record, expected] of rows) assertEquals(isGratuitous(record), expected, name);
});

Deno.test("addressProbe: RFC 5227 §2.1.1, sender 0.0.0.0 and target hardware address 0", () => {
  assertEquals(
    hex(addressProbe(OURS, VIP)),
    "ffffffffffff" + "02000000000a" + "0806" + "0001080006040001" + "02000000000a" + "00000000" + "000000000000" +
      "c000020a" + "00".repeat(18),
  );
});

Deno.test("isAddressProbe: a request of a station without an address, whatever its target hardware address", () => {
  const rows: readonly (readonly [name: string, record: ArpRecord, expected: boolean])[] = [
    ["request", vector("broadcast request"), false],
    ["arping -U", vector("arping -U"), false],
    ["reply with sender 0.0.0.0", { ...vector("reply to it"), senderIp: 0 as Ipv4 }, false],
    ["arping -D", vector("arping -D"), true],
    ["ours", addressProbe(OURS, VIP), true],
  ];
  for (const [name, record, expected] of rows) assertEquals(isAddressProbe(record), expected, name);
});
