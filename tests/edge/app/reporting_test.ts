/**
 * What is wrong with a configuration reaches the people who look for it: ConfigurationState of the controller and of
 * each speaker, events on the objects, metrics and the status page, while everything that is right goes on working.
 */
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string_includes";
import { type KubeObject, RESOURCES } from "../../../lib/base/kube.ts";
import { observeController } from "../../../lib/app/run_controller.ts";
import { NAMESPACE, NODES } from "../../../lib/app/demo/demo_cluster.ts";
import { ADDRESS, type ClusterStage, pool, withCluster } from "./cluster_stage.ts";
import { until } from "./witness.ts";

interface Shown {
  readonly result: string;
  readonly errorSummary: string;
  readonly conditions: ReadonlyMap<string, string>;
  readonly annotations: Readonly<Record<string, string>>;
}

async function stateOf({ cluster }: ClusterStage, name: string): Promise<Shown | undefined> {
  const found = await cluster.client.get(RESOURCES.configurationStates, { namespace: NAMESPACE, name });
  const status = found.ok ? found.value["status"] as Record<string, unknown> | undefined : undefined;
  if (!found.ok || status === undefined) return undefined;
  const conditions = status["conditions"] as { type: string; status: string }[];
  return {
    result: String(status["result"]),
    errorSummary: String(status["errorSummary"] ?? ""),
    conditions: new Map(conditions.map((condition) => [condition.type, condition.status])),
    annotations: found.value.metadata.annotations ?? {},
  };
}

/** The state once it is as asked. */
function stateWhen(stage: ClusterStage, name: string, wanted: (state: Shown) => boolean): Promise<Shown> {
  return until(`the ConfigurationState ${name} is as wanted`, async () => {
    const state = await stateOf(stage, name);
    return state !== undefined && wanted(state) ? state : undefined;
  });
}

/** Message of an event of this reason on an object of this name. */
function eventOn({ cluster }: ClusterStage, name: string, reason: string): Promise<string> {
  return until(`an event ${reason} on ${name}`, async () => {
    const events = await cluster.client.list(RESOURCES.events);
    const items: readonly KubeObject[] = events.ok ? events.value.items : [];
    const found = items.find((event) =>
      event["reason"] === reason && (event["involvedObject"] as { name?: string }).name === name
    );
    return found?.["message"] as string | undefined;
  });
}

Deno.test("Reporting: every speaker tells its networks, and a right configuration is Valid everywhere", async () => {
  await withCluster(async (stage) => {
    for (const { name } of NODES) {
      // What a speaker sees of its node is reported together, a little later than its verdict.
      const state = await stateWhen(
        stage,
        `speaker-${name}`,
        ({ result, annotations }) => result === "Valid" && (annotations["herald.dev/networks"] ?? "") !== "",
      );
      assertMatch(state.annotations["herald.dev/networks"] ?? "", /^\S+=192\.168\.1\.0\/24$/);
      assertEquals(state.conditions.get("configReconcilerValid"), "True");
    }
    const state = await stateWhen(stage, "controller", ({ result }) => result === "Valid");
    assertEquals([...state.conditions], [["poolReconcilerValid", "True"]]);
  });
});

Deno.test("Reporting: a bad pool is told by state, event, metrics and status page, and takes nothing else down", async () => {
  await withCluster(async (stage) => {
    const { cluster } = stage;
    await cluster.apply([pool([`${ADDRESS}-192.168.1.242`], "zone")]);
    const invalid = await stateWhen(stage, "controller", ({ result }) => result === "Invalid");
    assertStringIncludes(invalid.errorSummary, "configuration error: ");
    assertStringIncludes(invalid.errorSummary, "overlaps with already defined CIDR");
    assertEquals(invalid.conditions.get("poolReconcilerValid"), "False");
    assertEquals(invalid.conditions.get("herald.dev/OverlappingAddresses"), "True");
    assertStringIncludes(await eventOn(stage, "zone", "ConfigurationError"), 'overlaps pool "pool" by 192.168.1.240');
    await stateWhen(stage, `speaker-${NODES[0]!.name}`, ({ result }) => result === "Invalid");
    const { metrics, inspect } = observeController(cluster.controller);
    const problems = metrics.find(({ name }) => name === "herald_configuration_problems")!;
    const errors = [...problems.read()].filter(({ labels }) => labels?.["severity"] === "error");
    assertEquals(errors.map(({ labels, value }) => [labels?.["kind"], labels?.["reason"], value]), [
      ["IPAddressPool", "overlappingAddresses", 1],
    ]);
    assertStringIncludes(JSON.stringify(await inspect()), "overlappingAddresses");
    await stage.announcer();
    await cluster.client.remove(RESOURCES.ipAddressPools, { namespace: NAMESPACE, name: "zone" });
    const valid = await stateWhen(stage, "controller", ({ result }) => result === "Valid");
    assertEquals(valid.errorSummary, "");
  });
});

Deno.test("Reporting: a pool in no node's subnet and a Service that nothing announces are warned about", async () => {
  await withCluster(async (stage) => {
    const { cluster } = stage;
    await cluster.apply([pool(["203.0.113.0/28"], "elsewhere")]);
    await stateWhen(stage, "controller", ({ conditions }) => conditions.has("herald.dev/NotInSubnet"));
    assertStringIncludes(await eventOn(stage, "elsewhere", "ConfigurationWarning"), "192.168.1.0/24");
    await stage.advertise({ ipAddressPools: ["elsewhere"] });
    assertStringIncludes(await eventOn(stage, "web", "ConfigurationWarning"), `nobody can reach ${ADDRESS}`);
    assertStringIncludes(await eventOn(stage, "pool", "ConfigurationWarning"), "selects this pool");
    const state = await stateWhen(stage, "controller", ({ conditions }) => conditions.has("herald.dev/NotAnnounced"));
    assertEquals(state.result, "Valid", "a warning is no error");
  });
});
