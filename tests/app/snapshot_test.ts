/** A speaker's snapshot as text: what was written comes back, and nothing else is believed. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { createHash } from "node:crypto";
import { below, SeededRng } from "../../lib/base/rng.ts";
import { decodeSnapshot, encodeSnapshot, type Snapshot } from "../../lib/app/snapshot.ts";

const HOUR_MS = 3_600_000;
const SCOPE = { "node-name": "n1", namespace: "metallb-system", "lb-class": "" };

const SNAPSHOT: Snapshot = {
  scope: SCOPE,
  savedAtMs: 1_000 * HOUR_MS,
  peers: [{ node: "n2", address: "192.0.2.2", port: 7947 }, { node: "n3", address: "2001:db8::3", port: 7947 }],
  addresses: [
    { address: "198.51.100.1", candidates: ["n2", "n1"], interfaces: "all", services: ["a/web"] },
    {
      address: "2001:db8::1",
      candidates: ["n1", "n3", "n2"],
      interfaces: ["eth0"],
      services: ["a/web", "b/web"],
      interfacesByNode: { n2: "all", n3: ["bond0"] },
      policy: { failback: { afterMs: 5000 }, probe: "strict", linkProbes: ["192.0.2.254"] },
      lastHolder: "n3",
    },
    { address: "198.51.100.2", candidates: [], interfaces: [], services: ["a/none"] },
  ],
};

const expected = { scope: SCOPE, nowMs: SNAPSHOT.savedAtMs + 23 * HOUR_MS, maxAgeMs: 24 * HOUR_MS };

/** A file whose checksum fits whatever its second line says. */
function signed(body: string, header: Record<string, unknown> = {}): string {
  const sha256 = createHash("sha256").update(body).digest("hex");
  return `${JSON.stringify({ herald: "speaker snapshot", version: 1, sha256, ...header })}\n${body}\n`;
}

const body = (change: (content: Record<string, unknown>) => void): string => {
  const content = JSON.parse(encodeSnapshot(SNAPSHOT).split("\n")[1]!);
  change(content);
  return JSON.stringify(content);
};

Deno.test("Snapshot: damaged files, of every kind, are refused", () => {
  const good = encodeSnapshot(SNAPSHOT);
  const firstAddress = (content: Record<string, unknown>) => (content["addresses"] as Record<string, unknown>[])[0]!;
  const rows: Readonly<Record<string, string>> = {
    "empty": "",
    "zeros, as after a power cut": "\0".repeat(good.length),
    "half": good.slice(0, good.length / 2),
    "without its first line": good.slice(good.indexOf("\n") + 1),
    "more behind it": `${good}x`,
    "another file": "announcedInterfacesToExclude: []\n",
    "a body that is no object": signed("[]"),
    "a candidate that is nobody": signed(body((content) => firstAddress(content)["candidates"] = [7])),
    "a candidate that is a word": signed(body((content) => firstAddress(content)["candidates"] = ["length"])),
    "an address that is none": signed(body((content) => firstAddress(content)["address"] = "198.51.100.256")),
    "an address that is not canonical": signed(body((content) => firstAddress(content)["address"] = "2001:DB8::1")),
    "interfaces that are no names": signed(body((content) => firstAddress(content)["interfaces"] = [1])),
    "a policy that is unknown": signed(body((content) => firstAddress(content)["policy"] = { failback: "maybe" })),
    "a peer without a port": signed(body((content) => content["peers"] = [{ node: "n2", address: "192.0.2.2" }])),
    "no time": signed(body((content) => delete content["savedAtMs"])),
  };
  for (const [what, text] of Object.entries(rows)) {
    const decoded = decodeSnapshot(text, expected);
    assertEquals(decoded.ok ? undefined : decoded.reason, "damaged", what);
  }
});

Deno.test("Snapshot: a change of any one byte is noticed", () => {
  const rng = new SeededRng(1);
  const good = new TextEncoder().encode(encodeSnapshot(SNAPSHOT));
  for (let round = 0; round < 2_000; round++) {
    const bytes = good.slice();
    const at = below(rng, bytes.length - 1);
    bytes[at] = bytes[at]! ^ (1 << below(rng, 7));
    const decoded = decodeSnapshot(new TextDecoder().decode(bytes), expected);
    assert(!decoded.ok, `byte ${at} was changed in round ${round} of seed 1`);
  }
});

Deno.test("Snapshot: one of another version, node, flag or time is refused, and the message says what was found", () => {
  const rows = [
    { text: signed("{}", { version: 2 }), reason: "otherVersion", says: "version 2" },
    {
      text: encodeSnapshot({ ...SNAPSHOT, scope: { ...SCOPE, "node-name": "n9", namespace: "x" } }),
      reason: "otherNode",
      says: '--node-name="n9", and here it is "n1"',
    },
    {
      text: encodeSnapshot({ ...SNAPSHOT, scope: { ...SCOPE, "lb-class": "metallb.io/lb" } }),
      reason: "otherFlags",
      says: '--lb-class="metallb.io/lb", and here it is ""',
    },
    {
      text: encodeSnapshot({ ...SNAPSHOT, scope: { ...SCOPE, "from-the-future": "yes" } }),
      reason: "otherFlags",
      says: "--from-the-future",
    },
    {
      text: encodeSnapshot({ ...SNAPSHOT, savedAtMs: SNAPSHOT.savedAtMs - 2 * HOUR_MS }),
      reason: "tooOld",
      says: "25.0 hours old, and 24.0 are allowed",
    },
  ];
  for (const { text, reason, says } of rows) {
    const decoded = decodeSnapshot(text, expected);
    assertEquals(decoded.ok ? undefined : decoded.reason, reason);
    if (!decoded.ok) assertStringIncludes(decoded.message, says);
  }
});

Deno.test("Snapshot: what was written comes back; a clock that was set back, or no limit, make it young enough", () => {
  assertEquals(decodeSnapshot(encodeSnapshot(SNAPSHOT), expected), { ok: true, snapshot: SNAPSHOT });
  for (
    const ages of [{ nowMs: SNAPSHOT.savedAtMs - 900 * HOUR_MS }, {
      nowMs: SNAPSHOT.savedAtMs * 9,
      maxAgeMs: undefined,
    }]
  ) {
    assertEquals(decodeSnapshot(encodeSnapshot(SNAPSHOT), { ...expected, ...ages }).ok, true);
  }
});

Deno.test("Snapshot: 5,000 addresses with 100 candidates each take less than 3 MB", () => {
  const candidates = Array.from({ length: 100 }, (_, index) => `node-${index}.rack-${index % 7}.example.org`);
  const addresses = Array.from({ length: 5_000 }, (_, index) => ({
    address: `10.0.${index >> 8}.${index & 255}`,
    candidates,
    interfaces: "all" as const,
    services: [`namespace/service-${index}`],
  }));
  const text = encodeSnapshot({ ...SNAPSHOT, addresses });
  assert(text.length < 3_000_000, `${text.length} bytes`);
  const decoded = decodeSnapshot(text, expected);
  assertEquals(decoded.ok && decoded.snapshot.addresses.at(-1), addresses.at(-1));
});
