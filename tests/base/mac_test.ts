import { assertEquals } from "@std/assert/equals";
import {
  formatMac,
  isGroupMac,
  type Mac,
  MAC_BROADCAST,
  MAC_ZERO,
  macFromBytes,
  parseMac,
} from "../../lib/base/mac.ts";

Deno.test("parseMac: takes six pairs of hexadecimal digits and nothing else", () => {
  const bad = [
    "",
    "02:00:00:00:00",
    "02:00:00:00:00:0a:00",
    "02:00:00:00:00:a",
    "02:00:00:00:00:0g",
    "02-00-00-00-00-0a",
    "0200.0000.000a",
    "02000000000a",
    " 02:00:00:00:00:0a",
    "02:00:00:00:00:0a\n",
    "+2:00:00:00:00:0a",
    "0x:00:00:00:00:0a",
  ];
  for (const text of bad) assertEquals(parseMac(text), undefined, text);
  assertEquals(parseMac("02:00:00:00:00:0a"), 0x02000000000a as Mac);
  assertEquals(parseMac("FF:ff:Ff:fF:FF:ff"), MAC_BROADCAST);
  assertEquals(parseMac("00:00:00:00:00:00"), MAC_ZERO);
});

Deno.test("formatMac: lower case with all zeros, and back", () => {
  const rows = [
    "00:00:00:00:00:00",
    "00:00:00:00:00:01",
    "01:23:45:67:89:ab",
    "80:00:00:00:00:00",
    "ff:ff:ff:ff:ff:ff",
  ];
  for (const text of rows) assertEquals(formatMac(parseMac(text)!), text);
});

Deno.test("macFromBytes: six octets in network order from the offset", () => {
  const bytes = Uint8Array.of(0xa5, 0xff, 0x00, 0x5e, 0x00, 0x53, 0x80, 0xa5);
  assertEquals(formatMac(macFromBytes(bytes, 1)), "ff:00:5e:00:53:80");
  assertEquals(formatMac(macFromBytes(bytes)), "a5:ff:00:5e:00:53");
});

Deno.test("isGroupMac: the lowest bit of the first octet alone decides", () => {
  const rows = [
    ["00:00:00:00:00:00", false],
    ["02:00:00:00:00:0a", false],
    ["fe:ff:ff:ff:ff:ff", false],
    ["01:00:00:00:00:00", true],
    ["33:33:ff:00:02:10", true],
    ["01:00:5e:00:00:01", true],
    ["ff:ff:ff:ff:ff:ff", true],
  ] as const;
  for (const [text, group] of rows) assertEquals(isGroupMac(parseMac(text)!), group, text);
});
