/**
 * Builds every codec of this folder to wasm/, or with `--check` compares what is there with a fresh build.
 *
 * This is a host-side tool, not a codec. The compiler runs in memory and its output depends on nothing but the sources
 * and the compiler's version, which is named here and nowhere else. `--out DIR` takes another folder than wasm/.
 *
 *     deno run --allow-read=. --allow-write=wasm --allow-env codecs/build.ts [--check] [--out DIR]
 */
import { parseArgs } from "node:util";
import asc from "npm:assemblyscript@0.28.20/asc";

/** Sources that become modules of their own; the rest of the folder is imported by them. */
const MODULES = ["arp", "ndp"];

const FLAGS = ["-O3", "--noAssert", "--runtime", "stub", "--initialMemory", "1", "--maximumMemory", "1"];

const ROOT = new URL("../", import.meta.url);

async function compile(module: string): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main([`codecs/${module}.ts`, ...FLAGS, "--outFile", `${module}.wasm`], {
    readFile: readSource,
    writeFile: (_name: string, contents: Uint8Array | string) => {
      if (typeof contents !== "string") binary = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || binary === undefined) {
    throw new Error(`codecs/${module}.ts does not compile: ${error?.message ?? "no output"}\n${stderr.toString()}`);
  }
  return binary;
}

/** The compiler probes several places for each import and expects `null` where there is no file. */
function readSource(name: string): string | null {
  try {
    return Deno.readTextFileSync(new URL(name, ROOT));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function readCommitted(path: URL): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What is wrong with `committed`, or `undefined` when it is the same as `built`. */
function difference(committed: Uint8Array | undefined, built: Uint8Array): string | undefined {
  if (committed === undefined) return "is missing";
  let offset = 0;
  while (offset < committed.length && offset < built.length && committed[offset] === built[offset]) offset++;
  if (offset === committed.length && offset === built.length) return undefined;
  return `has ${committed.length} bytes, a fresh build ${built.length}, and they differ from byte ${offset}`;
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

const { values } = parseArgs({
  args: Deno.args,
  options: { check: { type: "boolean", default: false }, out: { type: "string", default: "wasm" } },
});

for (const module of MODULES) {
  const path = new URL(`${values.out}/${module}.wasm`, ROOT);
  const built = await compile(module);
  if (!values.check) {
    Deno.writeFileSync(path, built);
    say(`${values.out}/${module}.wasm: ${built.length} bytes`);
    continue;
  }
  const problem = difference(readCommitted(path), built);
  if (problem === undefined) continue;
  say(`${values.out}/${module}.wasm is not what codecs/${module}.ts compiles to: it ${problem}.`);
  say('Run "deno task wasm" and commit the result.');
  Deno.exitCode = 1;
}
