// needs: kube-apiserver etcd kubectl
// permissions: --allow-all
/**
 * The four guides that Herald's users come from, read as their reader reads them: every manifest applied, every command
 * typed into a shell with the real kubectl, against a real kube-apiserver with the install file applied and the
 * controller running with the rights that it gives.
 *
 * Every manifest and command of a guide is either run or named with the reason why not; those of Helm, of monitoring
 * (ServiceMonitor, PrometheusRule, Grafana) and of NetworkPolicies are a later issue's, and nothing runs pods here.
 */
import { readEnterpriseGuide } from "../support/guide_enterprise.ts";
import { readLayer2Guide } from "../support/guide_layer2.ts";
import { readOverview } from "../support/guide_overview.ts";
import { readTutorial } from "../support/guide_tutorial.ts";
import { GuideWorld } from "../support/guide_world.ts";

Deno.test("The guides, command by command", async (t) => {
  const world = await GuideWorld.start();
  try {
    await t.step("000: the layer-2 guide", async (t) => await readLayer2Guide(t, world));
    await t.step("001: the old tutorial", async (t) => await readTutorial(t, world));
    await t.step("002: the overview", async (t) => await readOverview(t, world));
    await t.step("003: the enterprise guide", async (t) => await readEnterpriseGuide(t, world));
  } finally {
    await world.stop();
  }
});
