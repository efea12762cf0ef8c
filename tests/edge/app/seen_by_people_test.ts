// needs: arping curl
/**
 * What people see of layer 2 while speakers run, die and come back: `herald status`, `herald explain` and the
 * ServiceL2Status objects, held against who answers on the wire.
 */
import { assertEquals } from "@std/assert/equals";
import { RESOURCES } from "../../../lib/base/kube.ts";
import { herald } from "../../app/cli/cli_world.ts";
import { NAMESPACE, type ProgramStage, withPrograms } from "./program_stage.ts";
import { ownerOf, settledOwner, startSpeakers } from "./speakers.ts";
import { until } from "./witness.ts";

interface Status {
  readonly services: readonly { readonly announcedBy: readonly { node: string; source: string; since: string }[] }[];
  readonly members: readonly { node: string; herald: boolean; version: string; deadTo: string[] }[] | null;
}

interface Explained {
  readonly services: readonly {
    readonly layer2: readonly {
      readonly announcer: string | null;
      readonly excluded: readonly { node: string; reason: string }[];
      readonly policy: { readonly failback: unknown; readonly decidedBy: { readonly failback: string | null } };
    }[];
  }[];
}

async function printed<T>(stage: ProgramStage, ...words: string[]): Promise<T> {
  const { code, out, err } = await herald([...words, "-o", "json", `--kubeconfig=${stage.kubeconfig}`]);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as T;
}

/** `n1 by status; n1, n2, n3 dead`: who announces, and the members as the others see them. */
async function seen(stage: ProgramStage): Promise<string> {
  const { services, members } = await printed<Status>(stage, "status", "-n", "default");
  const announcers = services.flatMap(({ announcedBy }) =>
    announcedBy.map(({ node, source }) => `${node} by ${source}`)
  );
  const shown = (members ?? []).map(({ node, herald, deadTo }) =>
    `${node}${herald ? "" : " foreign"}${deadTo.length > 0 ? " dead" : ""}`
  );
  return `${announcers.join(", ")}; ${shown.join(", ")}`;
}

/** Waits until people see it so; says what they saw instead. The speakers report one after the other. */
async function becomes(
  stage: ProgramStage,
  expected: string,
  { by = seen }: { by?: (stage: ProgramStage) => Promise<string> } = {},
): Promise<void> {
  let last = "";
  try {
    await until("people see it", async () => (last = await by(stage)) === expected);
  } catch {
    assertEquals(last, expected);
  }
}

async function explained(stage: ProgramStage): Promise<string> {
  const { announcer, excluded, policy } = (await printed<Explained>(stage, "explain", "default/web")).services[0]!
    .layer2[0]!;
  const out = excluded.map(({ node, reason }) => `${node} ${reason}`);
  return [announcer, ...out, `failback ${policy.failback} by ${policy.decidedBy.failback}`].join(", ");
}

Deno.test("Status and explain follow what the wire shows: three speakers, one killed, one that comes back and waits", () =>
  withPrograms({ nodes: 3 }, async (stage) => {
    const kube = await stage.kube();
    await kube.patch(RESOURCES.l2Advertisements, { namespace: NAMESPACE, name: "first" }, {
      type: "merge",
      body: { metadata: { annotations: { "herald.dev/failback": "never" } } },
    });
    await stage.startController();
    const speakers = await startSpeakers(stage, ["n1", "n2", "n3"]);
    await stage.createService("web");
    const address = await stage.addressOfService("web");
    const owner = await settledOwner(stage, address);
    await becomes(stage, `${owner} by status; n1, n2, n3`);
    await becomes(stage, `${owner}, failback never by first`, { by: explained });

    await speakers.get(owner)!.kill("SIGKILL");
    const successor = await until("another node answers", async () => {
      const now = await ownerOf(stage, address);
      return now !== owner && now;
    });
    const all = (dead: string) => ["n1", "n2", "n3"].map((node) => node === dead ? `${node} dead` : node).join(", ");
    await becomes(stage, `${successor} by status; ${all(owner)}`);
    // The Pod of the dead speaker still counts as ready.
    await becomes(stage, `${successor}, ${owner} noSpeaker, failback never by first`, { by: explained });

    speakers.set(owner, await stage.startSpeaker(owner));
    await becomes(stage, `${successor} by status; n1, n2, n3`);
    assertEquals(await settledOwner(stage, address), successor, "failback never");
    await becomes(stage, `${successor}, failback never by first`, { by: explained });
  }));
