// needs: kube-apiserver etcd kubectl
// permissions: --allow-all
/**
 * The controller with the rights of the install manifest and nothing but the ConfigMap of MetalLB 0.12: it leads, says
 * what to run and serves nothing; with a pool it serves, and what it said is gone.
 */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { RESOURCES } from "../../lib/base/kube.ts";
import { createPool, ingressOf, loadBalancer, must, NAMESPACE } from "../support/real_cluster.ts";
import { WebhookStage } from "../support/webhook_stage.ts";
import { until } from "../support/until.ts";

const OLD = "address-pools:\n- name: default\n  protocol: layer2\n  addresses: [198.51.100.0/24]\n";
const COMMAND = `kubectl get configmap -n ${NAMESPACE} config -o yaml | herald migrate -f - | kubectl apply -f -`;

Deno.test("Only the old ConfigMap, with the rights of the manifest: it says what to run and serves nothing", async () => {
  const stage = await WebhookStage.start();
  try {
    const { admin } = stage.api;
    const metadata = { name: "config", namespace: NAMESPACE };
    await must(admin.create(RESOURCES.configMaps, { namespace: NAMESPACE, body: { metadata, data: { config: OLD } } }));
    const body = { ...loadBalancer("web", "default") };
    await must(admin.create(RESOURCES.services, { namespace: "default", body }));
    const controller = await stage.startController();
    const said = await until("it is said", () => controller.log.find(({ event }) => event === "oldConfigMap"));
    assertEquals(said["run"], COMMAND);
    await until("the event is on the ConfigMap", async () => {
      const { items } = await must(admin.list(RESOURCES.events, { namespace: NAMESPACE }));
      return items.some((event) =>
        String(event["message"]).includes(COMMAND) && event["reason"] === "OldConfiguration"
      );
    });
    const state = await until("the ConfigurationState has it", async () => {
      const { items } = await must(admin.list(RESOURCES.configurationStates, { namespace: NAMESPACE }));
      return items.find((one) => JSON.stringify(one["status"] ?? {}).includes("OldConfigMap"));
    });
    assertStringIncludes(JSON.stringify(state["status"]), "herald migrate");
    const web = { namespace: "default", name: "web" };
    assertEquals(ingressOf(await must(admin.get(RESOURCES.services, web))), []);
    await createPool(stage.api, "first", ["198.51.100.0/24"]);
    await until("the Service is served", async () => {
      return ingressOf(await must(admin.get(RESOURCES.services, web))).length === 1;
    });
    await until("what was said is gone", async () => {
      const { items } = await must(admin.list(RESOURCES.configurationStates, { namespace: NAMESPACE }));
      return items.every((one) => !JSON.stringify(one["status"] ?? {}).includes("OldConfigMap"));
    });
    // The Lease is watched, too: all that the election asks for is granted.
    const troubles = controller.log.filter(({ event, ...line }) =>
      event === "leaseRefused" || (/^(list|watch)Failed$/.test(event) && line["reason"] === "forbidden")
    );
    assertEquals(troubles, []);
    assert(controller.log.some(({ event }) => event === "leaderElected"));
  } finally {
    await stage.stop();
  }
});
