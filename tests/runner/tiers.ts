/**
 * The tiers of DESIGN §8: which test file belongs to which, what it may do and what it needs.
 *
 * Every `*_test.ts` below tests/ is in exactly one tier, by its first folder; what is not named here is pure. So a new
 * folder of tests runs without anybody registering it, and with no permissions.
 *
 * A file may say more about itself in the `//` lines it begins with:
 *
 *     // needs: arping tcpdump namespaces
 *     // permissions: --allow-read=. --allow-run=deno
 */

export interface Tier {
  readonly name: string;
  readonly what: string;
  /** Flags of `deno test`: permissions, and whether files run side by side. */
  readonly flags: readonly string[];
  /** Commands, or `namespaces`. */
  readonly needs: readonly string[];
  /** How many such processes at a time; they wait for the network and for others most of their time. Default 1. */
  readonly parallel?: number;
  /** One process per file: a crash, a hang or a lost descriptor in one file does not disturb the next. */
  readonly perFile: boolean;
  /** For one process, generous: it catches a hang, it measures nothing. */
  readonly limitMs: number;
}

const MINUTE_MS = 60_000;

const PURE: Tier = {
  name: "pure",
  what: "unit, golden, scenario and fuzz tests: no permissions at all",
  flags: [],
  needs: [],
  perFile: false,
  limitMs: 5 * MINUTE_MS,
};

/** In the order in which they run: the fastest and most telling first. */
export const TIERS: readonly Tier[] = [
  PURE,
  {
    name: "repository",
    what: "import rules, exact versions, layout: may read the repository",
    flags: ["--allow-read=."],
    needs: [],
    perFile: false,
    limitMs: 3 * MINUTE_MS,
  },
  {
    name: "sim",
    what: "whole clusters in virtual time, hundreds of seeds: no permissions at all",
    // Its few files cost seconds to minutes each, of nothing but computing.
    flags: ["--parallel"],
    needs: [],
    perFile: false,
    limitMs: 10 * MINUTE_MS,
  },
  {
    name: "contract",
    what: "one suite on the fake and on the real edge",
    flags: ["--allow-all"],
    needs: ["namespaces"],
    perFile: true,
    parallel: 2,
    limitMs: 3 * MINUTE_MS,
  },
  {
    name: "edge",
    what: "sockets and hosts in network namespaces, with independent tools as witnesses",
    flags: ["--allow-all"],
    needs: ["namespaces"],
    perFile: true,
    parallel: 2,
    limitMs: 8 * MINUTE_MS,
  },
  {
    name: "cluster",
    what: "the programs against a Kubernetes API, with the real kubectl",
    flags: ["--allow-all"],
    needs: ["kubectl"],
    perFile: true,
    parallel: 2,
    limitMs: 15 * MINUTE_MS,
  },
  {
    name: "demo",
    what: "the demo as a user runs it",
    flags: ["--allow-all"],
    needs: ["namespaces"],
    perFile: true,
    limitMs: 4 * MINUTE_MS,
  },
];

/** No tests: `support` helps, `golden` is data. What `bench` computes with is tested like everything else. */
const NO_TESTS = new Set(["support", "golden"]);

export interface TestFile {
  /** From the repository's root, e.g. `tests/base/ip_test.ts`. */
  readonly path: string;
  readonly tier: Tier;
  readonly needs: readonly string[];
  readonly flags: readonly string[];
}

/** The tier of a path, or undefined when it is no test. */
export function tierOf(path: string): Tier | undefined {
  const parts = path.split("/");
  if (parts[0] !== "tests" || !/_test\.ts$/.test(path)) return undefined;
  const folder = parts.length === 2 ? "" : parts[1]!;
  if (NO_TESTS.has(folder)) return undefined;
  return TIERS.find((tier) => tier.name === folder) ?? PURE;
}

/** Joins what the tier says with what the file says of itself. */
export function describeTestFile(path: string, text: string): TestFile | undefined {
  const tier = tierOf(path);
  if (tier === undefined) return undefined;
  const header = readHeader(text);
  return {
    path,
    tier,
    needs: [...new Set([...tier.needs, ...header.needs])],
    flags: header.permissions ?? tier.flags,
  };
}

/** Reads the `//` lines that a file begins with. */
export function readHeader(text: string): { readonly needs: string[]; readonly permissions?: string[] } {
  const needs: string[] = [];
  let permissions: string[] | undefined;
  for (const line of text.split("\n")) {
    if (!line.startsWith("//")) break;
    const [, key, value] = line.match(/^\/\/ (needs|permissions): *(.*?) *$/) ?? [];
    const words = value?.split(/[\s,]+/).filter(Boolean) ?? [];
    if (key === "needs") needs.push(...words.filter((word) => /^[a-z0-9][\w.+-]*$/.test(word)));
    if (key === "permissions") {
      permissions = words.filter((word) => /^(--(allow|deny)-[a-z]+(=\S+)?|-P=[\w-]+)$/.test(word));
    }
  }
  return { needs, ...(permissions === undefined ? {} : { permissions }) };
}

/** Processes to start: the files of a tier, together where it allows that and the permissions are the same. */
export function groupFiles(files: readonly TestFile[]): (readonly TestFile[])[] {
  const groups = new Map<string, TestFile[]>();
  for (const file of files) {
    const key = file.tier.perFile ? file.path : JSON.stringify([file.tier.name, file.flags, file.needs]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [file]);
    else group.push(file);
  }
  return [...groups.values()];
}
