/** Herald's controller: gives addresses from pools to Services of type LoadBalancer. `--help` lists its flags. */
import { runController } from "./lib/app/run_controller.ts";

await runController(Deno.args);
