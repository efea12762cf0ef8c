import { assertEquals } from "@std/assert/equals";
import { describeTestFile, groupFiles, readHeader, tierOf } from "./tiers.ts";

const TIER_OF: readonly (readonly [string, string | undefined])[] = [
  ["lib/base/ip_test.ts", undefined],
  ["tests/base/ip.ts", undefined],
  ["tests/bench/arp_test.ts", "pure"],
  ["tests/support/x_test.ts", undefined],
  ["tests/golden/x_test.ts", undefined],
  ["tests/base/ip_test.ts", "pure"],
  ["tests/a_new_folder/deep/x_test.ts", "pure"],
  ["tests/x_test.ts", "pure"],
  ["tests/repository/x_test.ts", "repository"],
  ["tests/sim/x_test.ts", "sim"],
  ["tests/edge/net/x_test.ts", "edge"],
  ["tests/contract/x_test.ts", "contract"],
  ["tests/cluster/x_test.ts", "cluster"],
  ["tests/demo/x_test.ts", "demo"],
];

for (const [path, tier] of TIER_OF) {
  Deno.test(`Tiers: ${path} is ${tier ?? "no test"}`, () => assertEquals(tierOf(path)?.name, tier));
}

Deno.test("Tiers: a header is read from the first lines only, and nonsense in it is dropped", () => {
  assertEquals(readHeader("import x;\n// needs: arping"), { needs: [] });
  assertEquals(readHeader("/** Text. */\n// needs: arping"), { needs: [] });
  assertEquals(readHeader("// needs arping"), { needs: [] });
  assertEquals(readHeader("// needs: $(reboot) -rf arping, tcpdump"), { needs: ["arping", "tcpdump"] });
  assertEquals(readHeader("// permissions: rm --allow-read=. --config=x -P=test --allow-run"), {
    needs: [],
    permissions: ["--allow-read=.", "-P=test", "--allow-run"],
  });
  assertEquals(readHeader("// Words.\n// needs: curl\n// needs: ip\nx\n"), { needs: ["curl", "ip"] });
});

Deno.test("Tiers: a file's needs join its tier's, its permissions replace them", () => {
  const file = describeTestFile("tests/edge/x_test.ts", "// needs: curl namespaces\n// permissions: --allow-net\n");
  assertEquals(file?.needs, ["namespaces", "curl"]);
  assertEquals(file?.flags, ["--allow-net"]);
  assertEquals(describeTestFile("tests/edge/x_test.ts", "")?.flags, ["--allow-all"]);
  assertEquals(describeTestFile("tests/edge/x.ts", ""), undefined);
});

Deno.test("Tiers: pure files share a process unless they want other permissions; edge files never share", () => {
  const files = [
    ["tests/base/a_test.ts", ""],
    ["tests/wire/b_test.ts", ""],
    ["tests/wire/c_test.ts", "// permissions: --allow-read=."],
    ["tests/wire/d_test.ts", "// needs: curl"],
    ["tests/edge/e_test.ts", ""],
    ["tests/edge/f_test.ts", ""],
  ].map(([path, text]) => describeTestFile(path!, text!)!);
  assertEquals(groupFiles(files).map((group) => group.map((file) => file.path.at(-9))), [["a", "b"], ["c"], ["d"], [
    "e",
  ], ["f"]]);
});
