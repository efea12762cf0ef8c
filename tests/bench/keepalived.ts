/** keepalived on two hosts of a stage, for comparison: one address, VRRP version 3, an advertisement every 100 ms. */
import { macOf, type ProgramStage } from "../edge/app/program_stage.ts";
import { answeredBy } from "../edge/app/witness.ts";

export interface Keepalived {
  /** Resolves when the master has the address, and nobody else. */
  masterAnswers(): Promise<void>;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 15_000;

/** `undefined` when it is not installed. */
export async function startKeepalived(
  stage: ProgramStage,
  { master, backup, address }: { master: string; backup: string; address: string },
): Promise<Keepalived | undefined> {
  const { code } = await stage.client.run("sh", ["-c", "command -v keepalived"]);
  if (code !== 0) return undefined;
  const running = await Promise.all([[master, 150] as const, [backup, 100] as const].map(async ([node, priority]) => {
    const path = `${stage.folder}/keepalived-${node}`;
    await Deno.writeTextFile(`${path}.conf`, configuration({ priority, address }));
    const files = ["-f", `${path}.conf`, "-p", `${path}.pid`, "-r", `${path}-vrrp.pid`, "-c", `${path}-check.pid`];
    // Only VRRP, in the foreground, and no word about it in anybody's log.
    return await stage.lab.host(node).spawn("keepalived", ["-n", "-P", "-l", ...files]);
  }));
  return {
    masterAnswers: () => answeredBy(stage.client, address, macOf(master), START_LIMIT_MS),
    stop: async () => {
      for (const child of running) await child.kill("SIGTERM");
      await Promise.all(running.map((child) => child.result()));
    },
  };
}

function configuration({ priority, address }: { priority: number; address: string }): string {
  return `
global_defs {
  vrrp_version 3
}
vrrp_instance compared {
  state BACKUP
  interface eth0
  virtual_router_id 77
  priority ${priority}
  advert_int 0.1
  virtual_ipaddress {
    ${address}/32
  }
}
`;
}
