/** Walks the repository and checks every source file against `room_rules.ts`. Needs to read the repository. */
import { assertEquals } from "@std/assert/equals";
import { checkFile, formatFinding, PACKAGE_FOLDERS, packageOf } from "./room_rules.ts";
import { filesBelow, readText } from "./repository_files.ts";

const SOURCES = [
  ...filesBelow("lib"),
  ...filesBelow("codecs"),
  ...filesBelow("tests"),
  ...filesBelow("", { depth: 1 }),
].filter((path) => path.endsWith(".ts"));

Deno.test("Repository: there are sources to check", () => {
  assertEquals(SOURCES.filter((path) => path.startsWith("lib/base/")).length > 5, true, SOURCES.join("\n"));
});

Deno.test("Repository: every file keeps the rules of its room", () => {
  const findings = SOURCES.flatMap((path) => checkFile(path, readText(path))).map(formatFinding);
  assertEquals(findings.length, 0, `\n${findings.join("\n")}\n`);
});

Deno.test("Repository: every package of the import map has one folder that it enters through", () => {
  const { imports } = JSON.parse(readText("deno.json")) as { imports: Record<string, string> };
  const homeless = Object.keys(imports).map(packageOf).filter((name) => PACKAGE_FOLDERS[name] === undefined);
  assertEquals(homeless, [], "Instead: name its folder in PACKAGE_FOLDERS of tests/repository/room_rules.ts");
});
