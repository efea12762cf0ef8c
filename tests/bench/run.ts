/**
 * `deno task bench`: the bounds in milliseconds and megabytes that Herald keeps, each beside a control measured in the
 * same run. Everything happens in network namespaces of this process and its children.
 *
 *     deno task bench [--quick] [--json] [SECTION …]
 *
 * Exit code: 0 all bounds held, 1 one did not, 2 the arguments make no sense.
 */
import { parseArgs } from "node:util";
import { labRequirements } from "../../lib/edge/lab/requirements.ts";
import { benchAllocation } from "./allocation.ts";
import { benchAnswers } from "./answers.ts";
import { benchClaims } from "./claims.ts";
import { benchMembershipTraffic } from "./membership_traffic.ts";
import { benchFailover } from "./failover.ts";
import { benchMoves } from "./moves.ts";
import { benchNewInterface } from "./new_interface.ts";
import { benchMemory, benchStart } from "./programs.ts";
import { benchServiceLatency } from "./service_latency.ts";
import { benchScale } from "./scale.ts";
import { asJson, asTable, type Measurement, passed, type Section } from "./report.ts";

interface Bench {
  readonly title: string;
  readonly run: (options: { quick: boolean }) => Promise<Measurement[]>;
}

const BENCHES: Readonly<Record<string, Bench>> = {
  answers: { title: "Answers to ARP and neighbour discovery, round trip", run: benchAnswers },
  interface: { title: "A new interface of a node", run: benchNewInterface },
  failover: { title: "A node or its speaker fails, and planned moves", run: benchFailover },
  moves: { title: "An address moves to another node", run: benchMoves },
  service: { title: "One Service on an idle cluster", run: benchServiceLatency },
  membership: { title: "Traffic of the membership, simulated", run: benchMembershipTraffic },
  claims: { title: "A take-over of thousands of addresses, simulated", run: benchClaims },
  allocation: { title: "Allocation itself, without an API", run: benchAllocation },
  scale: { title: "The controller on a real API server", run: benchScale },
  start: { title: "Start of the programs, over HTTPS", run: benchStart },
  memory: { title: "Memory of the programs", run: benchMemory },
};

Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseArguments(args);
  if (typeof parsed === "string") {
    say(
      `${parsed}\nusage: deno task bench [--quick] [--json] [${Object.keys(BENCHES).join(" | ")}] ...\n`,
      Deno.stderr,
    );
    return 2;
  }
  const { values, positionals } = parsed;
  const requirements = await labRequirements({ command: "deno task bench" });
  if (!requirements.ok) {
    say(`${requirements.missing}\n`, Deno.stderr);
    return 1;
  }
  const sections: Section[] = [];
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    say(`${bench.title} ...\n`, Deno.stderr);
    sections.push(await measure(bench, values));
  }
  say(values.json ? asJson(sections) : `\n${asTable(sections)}\n${passed(sections) ? "PASS" : "FAIL"}\n`);
  return passed(sections) ? 0 : 1;
}

/** What was asked for, or why it makes no sense. */
function parseArguments(args: readonly string[]) {
  const options = { quick: { type: "boolean", default: false }, json: { type: "boolean", default: false } } as const;
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true });
    const unknown = parsed.positionals.filter((name) => BENCHES[name] === undefined);
    return unknown.length === 0 ? parsed : `no bench is named ${unknown.join(", ")}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function measure(bench: Bench, options: { quick: boolean }): Promise<Section> {
  const startedAt = performance.now();
  const durationMs = () => performance.now() - startedAt;
  try {
    const measurements = await bench.run(options);
    return { name: bench.title, durationMs: durationMs(), measurements };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { name: bench.title, durationMs: durationMs(), measurements: [], error: message };
  }
}

function say(text: string, file: { writeSync(bytes: Uint8Array): number } = Deno.stdout): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}
