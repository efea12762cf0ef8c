import { assertEquals } from "@std/assert/equals";
import type { Mac } from "../../../lib/base/mac.ts";
import { allowsInterface, type LinkFacts, refuseInterface } from "../../../lib/protocol/l2/interface.ts";

const LINK: LinkFacts = {
  ifindex: 2,
  name: "eth0",
  mac: 0x02_00_00_00_00_0a as Mac,
  up: true,
  carrier: true,
  operationalState: "up",
  broadcast: true,
  noArp: false,
  master: undefined,
  lower: undefined,
  isMoved: false,
};

for (
  const { change, refusal } of [
    { change: { up: false }, refusal: "down" },
    { change: { operationalState: "down" }, refusal: "noCarrier" },
    { change: { operationalState: "lowerLayerDown" }, refusal: "noCarrier" },
    { change: { operationalState: "notPresent" }, refusal: "noCarrier" },
    { change: { operationalState: "dormant" }, refusal: "dormant" },
    { change: { operationalState: "testing" }, refusal: "dormant" },
    { change: { master: 7 }, refusal: "enslaved" },
    { change: { master: 7, operationalState: "down" }, refusal: "enslaved" },
    { change: { master: 7, up: false }, refusal: "down" },
    { change: { noArp: true }, refusal: "noArp" },
    { change: { broadcast: false }, refusal: "noBroadcast" },
    { change: { mac: undefined }, refusal: "noMac" },
    { change: { operationalState: "unknown" }, refusal: undefined },
    { change: { carrier: false }, refusal: "noCarrier" },
    // The bridge that has just lost its last port: the operational state follows.
    { change: { carrier: false, operationalState: "unknown" }, refusal: "noCarrier" },
    // Loopback; a VRF; a tunnel.
    { change: { broadcast: false, operationalState: "unknown", mac: 0 as Mac }, refusal: "noBroadcast" },
    { change: { noArp: true, carrier: false }, refusal: "noArp" },
    { change: { noArp: true, broadcast: false, mac: undefined }, refusal: "noArp" },
    { change: {}, refusal: undefined },
  ] as const
) {
  Deno.test(`refuseInterface: ${JSON.stringify(change)} gives ${refusal ?? "an interface to announce on"}`, () => {
    assertEquals(refuseInterface({ ...LINK, ...change }), refusal);
  });
}

for (
  const { interfaces, name, allowed } of [
    { interfaces: [], name: "eth0", allowed: false },
    { interfaces: ["eth1"], name: "eth0", allowed: false },
    { interfaces: ["eth"], name: "eth0", allowed: false },
    { interfaces: ["eth1", "eth0"], name: "eth0", allowed: true },
    { interfaces: "all", name: "eth0", allowed: true },
  ] as const
) {
  Deno.test(`allowsInterface: ${JSON.stringify(interfaces)} ${allowed ? "allows" : "does not allow"} ${name}`, () => {
    assertEquals(allowsInterface(interfaces, name), allowed);
  });
}
