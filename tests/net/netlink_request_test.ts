import { assertEquals } from "@std/assert/equals";
import { parseMac } from "../../lib/base/mac.ts";
import {
  addAddressRequest,
  createVethRequest,
  deleteNeighbourRequest,
  listLinksRequest,
  setUpRequest,
} from "../../lib/edge/net/netlink_request.ts";

/** Written by hand after netlink(7), rtnetlink(7) and linux/veth.h; u16 and u32 in little endian. */
Deno.test("netlink requests: the list of links is a dump without counters", () => {
  assertEquals(
    listLinksRequest().finish({ sequence: 9 }).toHex(),
    "28000000" + "1200" + "0103" + "09000000" + "00000000" + // length, RTM_GETLINK, REQUEST|DUMP, sequence, port
      "00000000" + "00000000" + "00000000" + "00000000" + // ifinfomsg
      "0800" + "1d00" + "08000000", // IFLA_EXT_MASK: RTEXT_FILTER_SKIP_STATS
  );
});

Deno.test("netlink requests: setting a link down changes that flag alone", () => {
  assertEquals(
    setUpRequest(5, false).finish({ sequence: 1 }).toHex(),
    "20000000" + "1300" + "0500" + "01000000" + "00000000" + "00000000" + "05000000" + "00000000" + "01000000",
  );
});

Deno.test("netlink requests: a veth's far end carries its own header, name, MAC and namespace", () => {
  const request = createVethRequest({
    name: "p0",
    peer: "eth0",
    peerMac: parseMac("02:00:5e:00:53:01")!,
    peerNamespace: { tid: 77 },
  });
  const peer = "00000000" + "00000000" + "00000000" + "00000000" +
    "0900" + "0300" + "6574683000" + "000000" +
    "0a00" + "0100" + "02005e005301" + "0000" +
    "0800" + "1300" + "4d000000";
  assertEquals(
    request.finish({ sequence: 1 }).toHex(),
    "70000000" + "1000" + "0506" + "01000000" + "00000000" + // RTM_NEWLINK, REQUEST|ACK|EXCL|CREATE
      "00000000" + "00000000" + "00000000" + "00000000" +
      "0700" + "0300" + "703000" + "00" +
      "4800" + "1200" + // IFLA_LINKINFO
      "0900" + "0100" + "7665746800" + "000000" + // kind "veth"
      "3800" + "0200" + "3400" + "0100" + peer, // data, VETH_INFO_PEER
  );
});

Deno.test("netlink requests: an IPv6 address is added without duplicate detection", () => {
  assertEquals(
    addAddressRequest(3, "2001:db8::1/64")?.finish({ sequence: 1 }).toHex(),
    "48000000" + "1400" + "0506" + "01000000" + "00000000" + "0a400000" + "03000000" +
      "1400" + "0200" + "20010db8000000000000000000000001" +
      "1400" + "0100" + "20010db8000000000000000000000001" +
      "0800" + "0800" + "02000000",
  );
});

for (const bad of ["", "192.0.2.1", "192.0.2.1/", "192.0.2.1/33", "192.0.2.1/24/1", "x/24", "2001:db8::1/129"]) {
  Deno.test(`netlink requests: "${bad}" is no address with a length`, () => {
    assertEquals(addAddressRequest(1, bad), undefined);
  });
}

Deno.test("netlink requests: a host name is no neighbour", () => {
  assertEquals(deleteNeighbourRequest(1, "peer"), undefined);
});
