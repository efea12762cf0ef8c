// permissions: --allow-read --allow-write --allow-run
/**
 * The committed modules in wasm/ are what codecs/ compiles to. This needs the compiler from the npm registry or from
 * Deno's cache and a temporary folder, so it is not a pure test.
 */
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

async function build(args: readonly string[], writable: string): Promise<{ code: number; text: string }> {
  const permissions = [`--allow-read=${ROOT},${writable}`, `--allow-write=${writable}`, "--allow-env"];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--lock=codecs/deno.lock",
      "--frozen",
      "--quiet",
      ...permissions,
      "codecs/build.ts",
      ...args,
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  }).output();
  return { code, text: new TextDecoder().decode(stderr) };
}

async function withTemporaryFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "herald_wasm_" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("codecs/build.ts --check: wasm/ is what codecs/ compiles to", async () => {
  await withTemporaryFolder(async (folder) => {
    assertEquals(await build(["--check"], folder), { code: 0, text: "" });
  });
});

Deno.test("codecs/build.ts: a build elsewhere gives the committed bytes, and --check names what is changed or missing", async () => {
  await withTemporaryFolder(async (folder) => {
    assertEquals((await build(["--out", folder], folder)).code, 0);
    const built = await Deno.readFile(`${folder}/arp.wasm`);
    assertEquals(built, await Deno.readFile(`${ROOT}wasm/arp.wasm`));
    assertEquals(await build(["--check", "--out", folder], folder), { code: 0, text: "" });

    built[1000]! ^= 1;
    await Deno.writeFile(`${folder}/arp.wasm`, built);
    const changed = await build(["--check", "--out", folder], folder);
    assertEquals(changed.code, 1);
    assertMatch(changed.text, /arp\.wasm is not what codecs\/arp\.ts compiles to: .* differ from byte 1000\./);

    await Deno.remove(`${folder}/arp.wasm`);
    const missing = await build(["--check", "--out", folder], folder);
    assertEquals(missing.code, 1);
    assertMatch(missing.text, /arp\.wasm is not what codecs\/arp\.ts compiles to: it is missing\./);
  });
});
