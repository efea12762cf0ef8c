/** The commands of `herald`, in the order in which help lists them. */
import { VERSION } from "../version.ts";
import { type Command, defineCommand, EXIT } from "./command.ts";
import { completionCommand } from "./completion.ts";
import { MIGRATE } from "./migrate.ts";
import { EXPLAIN } from "./explain.ts";
import { STATUS } from "./status.ts";
import { UP } from "./up.ts";
import { VALIDATE } from "./validate.ts";

const DEMO = defineCommand({
  name: "demo",
  summary: "the main job in one process: three nodes, a client, real ARP; needs no cluster",
  flags: { keep: { kind: "boolean", help: "stay after the story, for your own kubectl" } },
  run: async ({ flags }) => {
    const { runDemo } = await import("../demo/demo.ts");
    const commandLine = `npx -y deno@2.9.6 task demo${flags.keep ? " --keep" : ""}`;
    return await runDemo({ keep: flags.keep, command: commandLine });
  },
});

const VERSION_COMMAND = defineCommand({
  name: "version",
  summary: "this version",
  flags: {},
  run: ({ stdout }) => {
    stdout.write(`herald ${VERSION}\n`);
    return EXIT.done;
  },
});

export const COMMANDS: readonly Command[] = [
  DEMO,
  VALIDATE,
  EXPLAIN,
  STATUS,
  UP,
  MIGRATE,
  completionCommand(() => COMMANDS),
  VERSION_COMMAND,
];
