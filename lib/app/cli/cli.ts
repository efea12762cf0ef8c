/**
 * The `herald` command: finds the sub-command and hands over.
 *
 * Exit codes: 0 done, 1 it did not work, 2 it was called wrongly.
 */
import { lineWriter } from "../../edge/run/log_output.ts";
import { describeFlags, type FlagSpec, parseFlags } from "../flags.ts";
import { VERSION } from "../version.ts";

const DEMO_FLAGS = {
  keep: { kind: "boolean", help: "stay after the story, for your own kubectl" },
} as const satisfies Record<string, FlagSpec>;

const HELP = `herald ${VERSION}: external addresses for Services of type LoadBalancer, on bare metal

  herald demo [--keep]   the main job in one process: three nodes, a client, real ARP; needs no cluster
  herald version         this version

Flags of herald demo:
${describeFlags(DEMO_FLAGS)}
`;

export async function runCli(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  const complain = (text: string) => {
    lineWriter(Deno.stderr)(text);
    return 2;
  };
  if (command === undefined) return complain(HELP);
  if (command === "version" || command === "--version") {
    lineWriter(Deno.stdout)(`herald ${VERSION}\n`);
    return 0;
  }
  if (command === "help" || args.includes("--help") || args.includes("-h")) {
    lineWriter(Deno.stdout)(HELP);
    return 0;
  }
  if (command !== "demo") return complain(`herald: "${command}" is not a command; herald --help lists them\n`);
  const parsed = parseFlags(DEMO_FLAGS, { args: rest, env: {} });
  if (!parsed.ok) return complain(parsed.problems.map((problem) => `herald demo: ${problem}\n`).join(""));
  // Loaded only now, so that help and usage errors need no permission.
  const { runDemo } = await import("../demo/demo.ts");
  const commandLine = `npx -y deno@2.9.6 task demo${parsed.values.keep ? " --keep" : ""}`;
  return await runDemo({ keep: parsed.values.keep, command: commandLine });
}
