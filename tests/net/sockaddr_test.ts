import { assertEquals } from "@std/assert/equals";
import {
  decodeSockaddrInet,
  encodeSockaddrInet,
  encodeSockaddrLl,
  encodeSockaddrNl,
  type InetAddress,
} from "../../lib/edge/net/sockaddr.ts";

const REFUSED: readonly [address: string, port: number][] = [
  ["", 1],
  ["localhost", 1],
  ["192.0.2.01", 1],
  ["192.0.2.1%2", 1],
  ["fe80::1%eth0", 1],
  ["fe80::1%0", 1],
  ["fe80::1%", 1],
  ["192.0.2.1", -1],
  ["192.0.2.1", 65_536],
  ["192.0.2.1", 1.5],
];

for (const [address, port] of REFUSED) {
  Deno.test(`encodeSockaddrInet: "${address}" port ${port} is none`, () => {
    assertEquals(encodeSockaddrInet({ address, port }), undefined);
  });
}

/** ip(7), ipv6(7): family in host order, port and address in network order, scope in host order. */
const INET: readonly [InetAddress, string][] = [
  [{ address: "192.0.2.1", port: 7946 }, "0200" + "1f0a" + "c0000201" + "0000000000000000"],
  [{ address: "0.0.0.0", port: 0 }, "0200" + "0000" + "00000000" + "0000000000000000"],
  [
    { address: "2001:db8::1:2", port: 3784 },
    "0a00" + "0ec8" + "00000000" + "20010db8000000000000000000010002" + "00000000",
  ],
  [
    { address: "fe80::5%300", port: 65_535 },
    "0a00" + "ffff" + "00000000" + "fe800000000000000000000000000005" + "2c010000",
  ],
];

for (const [end, hex] of INET) {
  Deno.test(`sockaddr of ${end.address} port ${end.port}: both ways`, () => {
    assertEquals(encodeSockaddrInet(end)?.toHex(), hex);
    assertEquals(decodeSockaddrInet(Uint8Array.fromHex(hex)), end);
  });
}

Deno.test("decodeSockaddrInet: another family and what is cut off is none", () => {
  assertEquals(decodeSockaddrInet(new Uint8Array(28)), undefined);
  for (const [, hex] of INET) {
    const bytes = Uint8Array.fromHex(hex);
    for (let length = 0; length < bytes.length; length++) {
      assertEquals(decodeSockaddrInet(bytes.subarray(0, length)), undefined);
    }
  }
});

Deno.test("encodeSockaddrLl: the EtherType alone is in network order", () => {
  const bytes = encodeSockaddrLl({ etherType: 0x0806, ifindex: 0x01020304 });
  assertEquals(bytes.toHex(), "1100" + "0806" + "04030201" + "0000" + "00" + "00" + "0000000000000000");
});

Deno.test("encodeSockaddrNl: the port id is the kernel's choice, the groups are a mask", () => {
  assertEquals(encodeSockaddrNl({ groups: 1 | 16 | 256 }).toHex(), "1000" + "0000" + "00000000" + "11010000");
});
