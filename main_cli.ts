/** The `herald` command. `herald --help` lists what it can do. */
import { runCli } from "./lib/app/cli/cli.ts";

Deno.exit(await runCli(Deno.args));
