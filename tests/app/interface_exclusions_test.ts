import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { parseExclusions, readExclusions } from "../../lib/app/interface_exclusions.ts";

for (
  const [why, text, message] of [
    ["text that is no YAML", "announcedInterfacesToExclude: [", /^f\.yaml is not YAML: /],
    ["a duplicate key", "announcedInterfacesToExclude: []\nannouncedInterfacesToExclude: []", /is not YAML: .*line 2/s],
    [
      "a document that is a text",
      "eth0",
      /^f\.yaml: announcedInterfacesToExclude must be a list of regular expressions$/,
    ],
    ["a document that is a list", "- eth0", /must be a list of regular expressions$/],
    ["a value that is a text", "announcedInterfacesToExclude: eth0", /must be a list of regular expressions$/],
    ["an entry that is a number", 'announcedInterfacesToExclude: ["^lo$", 7]', /\[1\] is 7, not a text$/],
    ["an entry that is null", "announcedInterfacesToExclude: [~]", /\[0\] is null, not a text$/],
    ["an empty entry", 'announcedInterfacesToExclude: [""]', /\[0\] is empty, which matches every interface/],
    [
      "an expression that Go refuses",
      "announcedInterfacesToExclude: ['^(?!eth)']",
      /\[0\] "\^\(\?!eth\)" uses "\(\?!e", which is not supported$/,
    ],
    ["a broken expression", 'announcedInterfacesToExclude: ["(" ]', /\[0\] "\(" is not a regular expression$/],
    ["several documents", "announcedInterfacesToExclude: []\n---\n{}", /is not YAML/],
    ["hostile depth", "[".repeat(100_000), /is not YAML/],
  ] as const
) {
  Deno.test(`parseExclusions: refuses ${why} and names it`, () => {
    const result = parseExclusions(text, "f.yaml");
    assertEquals(result.ok, false);
    assertMatch(result.ok ? "" : result.message, message);
  });
}

Deno.test("parseExclusions: an empty file, a comment or an empty list excludes nothing", () => {
  for (const text of ["", "# nothing\n", "{}", "announcedInterfacesToExclude:\n", "announcedInterfacesToExclude: []"]) {
    assertEquals(parseExclusions(text, "f"), { ok: true, patterns: [], unknownKeys: [] });
  }
});

Deno.test("parseExclusions: the file that MetalLB ships", () => {
  // Reference §6.1.
  const patterns = [
    "^docker.*",
    "^cbr.*",
    "^dummy.*",
    "^virbr.*",
    "^lxcbr.*",
    "^veth.*",
    "^lo$",
    "^cali.*",
    "^tunl.*",
    "^flannel.*",
    "^kube-ipvs.*",
    "^cni.*",
    "^nodelocaldns.*",
    "^lxc.*",
  ];
  const text = `announcedInterfacesToExclude:\n${patterns.map((pattern) => `- ${pattern}\n`).join("")}`;
  assertEquals(parseExclusions(text, "f"), { ok: true, patterns, unknownKeys: [] });
});

Deno.test("parseExclusions: Go's words become JavaScript's, and a misspelt key is told", () => {
  const text = "announcedInterfacesToExclude: ['\\Aeth\\z', '(?i)^DOCKER']\nannouncedInterfaceToExclude: []\n";
  assertEquals(parseExclusions(text, "f"), {
    ok: true,
    patterns: ["^eth$", "(?i:^DOCKER)"],
    unknownKeys: ["announcedInterfaceToExclude"],
  });
});

Deno.test("readExclusions: a file that is not there excludes nothing, and a folder is an error that names it", () => {
  const missing = { ok: true, patterns: [], unknownKeys: [] };
  const reader = (error: Error) => () => {
    throw error;
  };
  assertEquals(readExclusions("none", reader(new Deno.errors.NotFound("none"))), missing);
  assertEquals(readExclusions("/etc", reader(new Error("Is a directory (os error 21)"))), {
    ok: false,
    message: "/etc cannot be read: Is a directory (os error 21)",
  });
});
