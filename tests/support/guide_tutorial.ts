/**
 * Guide 001, the old tutorial with a ConfigMap: MetalLB of today ignores it without a word. Herald says what it found and
 * the line to run; after that line the tutorial ends as it promises.
 *
 * Its `tutorial-2.yaml` is only described in it ("an nginx pod, and a load-balancer service pointing at nginx"), so it is
 * written here.
 */
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string_includes";
import { assertApplied, explained, type GuideWorld } from "./guide_world.ts";
import { until } from "./until.ts";

const TUTORIAL_NOT_TYPED: Readonly<Record<string, string>> = {
  "001:42": "the install file, applied with guide 000",
  "001:50": "lists pods: nothing runs pods here",
  "001:109": "logs of speaker pods",
  "001:140": "lists pods",
  "001:156": "logs of speaker pods; `herald status` says who announces",
  "001:171": "needs a node that answers for the address",
};

const TUTORIAL_2 = `apiVersion: apps/v1
kind: Deployment
metadata: {name: nginx}
spec:
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec: {containers: [{name: nginx, image: "nginx:1", ports: [{name: http, containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: nginx}
spec:
  type: LoadBalancer
  selector: {app: nginx}
  ports: [{name: http, port: 80, protocol: TCP, targetPort: 80}]
`;

const MIGRATE = "kubectl get configmap -n metallb-system config -o yaml | herald migrate -f - | kubectl apply -f -";

export async function readTutorial(t: Deno.TestContext, world: GuideWorld): Promise<void> {
  const reader = await world.reader("001-layer2-tutorial");
  await world.clear();
  const ofFile = (name: string) => (command: string) => command.replace(/https:\S+/, name);

  await t.step("001: herald validate knows the ConfigMap before it is applied", async () => {
    await reader.save("example-layer2-config.yaml", [78]);
    const { code, stdout } = await reader.shell("herald validate -f example-layer2-config.yaml");
    assertEquals(code, 1);
    assertStringIncludes(stdout, "herald migrate");
  });

  await t.step("001: the ConfigMap is accepted by Kubernetes, and no Service gets an address from it", async () => {
    assertApplied(await reader.type(106, ofFile("example-layer2-config.yaml")), ["configmap/config created"]);
    await Deno.writeTextFile(`${world.stage.folder}/tutorial-2.yaml`, TUTORIAL_2);
    assertApplied(await reader.type(138, ofFile("tutorial-2.yaml")), [
      "deployment.apps/nginx created",
      "service/nginx created",
    ]);
    await world.describes("service nginx", "AllocationFailed");
    assertMatch((await reader.type(148)).stdout, /^nginx +LoadBalancer +\S+ +<pending> /m);
    const { outcome, reason } = await explained(reader, "nginx");
    assertEquals([outcome, reason], ["pending", "noAvailableIPs"]);
  });

  await t.step("001: the controller says what it found and what to run: log, event, ConfigurationState", async () => {
    await until("it is logged", () => world.log.some(({ event }) => event === "oldConfigMap"));
    const said = world.log.filter(({ event }) => event === "oldConfigMap");
    assertEquals(said.map(({ level, run }) => [level, run]), [["warn", MIGRATE]]);
    await world.describes("configmap config -n metallb-system", "OldConfiguration");
    await world.describes("configmap config -n metallb-system", `To convert it: ${MIGRATE}`);
    await world.state("herald migrate");
    assertStringIncludes((await reader.shell("herald status")).stdout, "herald migrate");
  });

  await t.step("001: the line that it says is typed, and the tutorial ends as it promises", async () => {
    assertApplied(await reader.shell(MIGRATE), [
      "ipaddresspool.metallb.io/my-ip-space created",
      "l2advertisement.metallb.io/l2advertisement1 created",
    ]);
    await world.served("nginx", "192.168.1.240");
    assertMatch((await reader.type(148)).stdout, /^nginx +LoadBalancer +\S+ +192\.168\.1\.240 +80:\d+\/TCP/m);
    await world.counts("my-ip-space", 1, 10);
    await world.state("herald migrate", { gone: true });
    await world.state('"result":"Valid"');
  });

  await t.step("001: nothing of the guide is left", async () => {
    assertEquals(reader.left({ commands: TUTORIAL_NOT_TYPED }), []);
    await world.kubectl.ok("delete configmap -n metallb-system config");
  });
}
