/** Herald's speaker: makes the addresses of Services reachable from this node's networks. `--help` lists its flags. */
import { runSpeaker } from "./lib/app/run_speaker.ts";

await runSpeaker(Deno.args);
