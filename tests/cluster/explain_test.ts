// needs: kube-apiserver etcd kubectl
// permissions: --allow-all
/** `herald explain` and `herald status` on a real kube-apiserver, as processes of their own with their permission set. */
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { until } from "../support/until.ts";
import { findTool } from "../support/kube_tools.ts";
import { RealApiServer } from "../support/real_api_server.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

const CONFIG = `
apiVersion: v1
kind: Namespace
metadata: {name: metallb-system}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: first, namespace: metallb-system}
spec: {addresses: [192.168.1.240-192.168.1.250]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: l2, namespace: metallb-system}
---
apiVersion: v1
kind: Node
metadata: {name: node-a}
---
apiVersion: v1
kind: Node
metadata: {name: node-b}
---
apiVersion: v1
kind: Node
metadata: {name: node-c}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: lost, namespace: shop, annotations: {metallb.io/address-pool: nowhere}}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.244.0.1], nodeName: node-b, conditions: {ready: true}}]
---
apiVersion: metallb.io/v1beta1
kind: ConfigurationState
metadata: {name: speaker-node-c, namespace: metallb-system, labels: {metallb.io/node-name: node-c}, annotations: {herald.dev/networks: eth0=10.0.0.0/24}}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: herald-controller, namespace: metallb-system}
spec: {holderIdentity: controller-1_abc, acquireTime: "2026-01-01T00:00:00.000000Z", leaseDurationSeconds: 15}
---
${pod("controller-1", "controller", "node-a")}
---
${pod("speaker-a", "speaker", "node-a")}
---
${pod("speaker-b", "speaker", "node-b")}
---
${pod("speaker-c", "speaker", "node-c")}
`;

/** Both sets of labels are known; each of these pods carries one. */
function pod(name: string, component: string, node: string): string {
  const labels = node === "node-b"
    ? `app.kubernetes.io/name: metallb, app.kubernetes.io/component: ${component}`
    : `app: metallb, component: ${component}`;
  return `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: metallb-system, labels: {${labels}}}
spec: {nodeName: ${node}, containers: [{name: c, image: herald, args: ["--port=9120"]}]}`;
}

interface Stage {
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
  herald(
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<{ code: number; out: string; err: string }>;
  readonly folder: string;
}

async function withCluster(test: (stage: Stage) => Promise<void>): Promise<void> {
  const server = await RealApiServer.start();
  const folder = await Deno.makeTempDir({ prefix: "herald-explain-" });
  const kubeconfig = `${folder}/kubeconfig`;
  try {
    await Deno.writeTextFile(kubeconfig, server.kubeconfig({ server: server.url, credentials: "good" }));
    const kubectl = async (args: readonly string[], stdin = "") => {
      const { code, out, err } = await run(findTool("kubectl")!, [
        "--kubeconfig",
        kubeconfig,
        "--cache-dir",
        `${folder}/cache`,
        ...args,
      ], {
        stdin,
        // It writes below its home, which must not be the repository.
        env: { HOME: folder },
      });
      if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${err}`);
      return out;
    };
    await kubectl(["apply", "--server-side", "-f", `${ROOT}/manifests/crds`]);
    await kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=120s"]);
    // What is established is not served everywhere yet.
    let said = "";
    await until(
      () => `the objects are there; kubectl said: ${said}`,
      () =>
        kubectl(["apply", "-f", "-"], CONFIG).then(() => true, (error) => {
          said = `${error}`;
          return false;
        }),
    );
    for (const name of ["controller-1", "speaker-a", "speaker-b", "speaker-c"]) {
      const conditions = [{ type: "Ready", status: "True" }];
      const patch = JSON.stringify({ status: { phase: "Running", conditions } });
      await kubectl([
        "-n",
        "metallb-system",
        "patch",
        "pod",
        name,
        "--subresource=status",
        "--type=merge",
        "-p",
        patch,
      ]);
    }
    await test({
      folder,
      kubectl,
      herald: (args, env = { KUBECONFIG: kubeconfig }) =>
        run(Deno.execPath(), ["run", "-q", "-P=cli", "main_cli.ts", ...args], { env: { ...env, NO_COLOR: "1" } }),
    });
  } finally {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

async function run(
  command: string,
  args: readonly string[],
  { stdin = "", env = {} }: { stdin?: string; env?: Readonly<Record<string, string>> },
): Promise<{ code: number; out: string; err: string }> {
  const path = {
    PATH: Deno.env.get("PATH") ?? "",
    DENO_DIR: Deno.env.get("DENO_DIR") ?? "",
    XDG_CACHE_HOME: cacheHome(),
  };
  const child = new Deno.Command(command, {
    args: [...args],
    cwd: ROOT,
    clearEnv: true,
    env: { ...Object.fromEntries(Object.entries(path).filter(([, value]) => value !== "")), ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** Where deno finds its packages although the child has another home. */
function cacheHome(): string {
  return Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? ""}/.cache`;
}

interface Explained {
  readonly services: readonly {
    readonly name: string;
    readonly allocation: { readonly outcome: string; readonly reason: string; readonly addresses: readonly string[] };
    readonly layer2: readonly {
      announcer: string | null;
      candidates: string[];
      excluded: { node: string; reason: string }[];
    }[];
  }[];
}

Deno.test("herald explain and herald status tell of a cluster on a real kube-apiserver", async (t) => {
  await withCluster(async ({ herald, kubectl, folder }) => {
    const explain = async (...args: string[]) => {
      const { code, out, err } = await herald(["explain", "-o", "json", ...args]);
      assertEquals([code, err], [0, ""]);
      return (JSON.parse(out) as Explained).services;
    };

    await t.step(
      "explain: what would happen to Services without an address, by the order of reference §6.4",
      async () => {
        const services = await explain("shop/web", "shop/lost");
        const [lost, web] = services;
        assertEquals([services.length, lost!.name, web!.name], [2, "lost", "web"]);
        assertEquals([lost!.allocation.outcome, lost!.allocation.reason, lost!.layer2], ["pending", "unknownPool", []]);
        assertEquals([web!.allocation.outcome, web!.allocation.addresses], ["assigned", ["192.168.1.240"]]);
        assertEquals(web!.layer2[0]!.candidates, ["node-a", "node-c", "node-b"]);
      },
    );

    await t.step("explain: an address in the status is kept; nodes without a ready speaker are excluded", async () => {
      const status = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip: "192.168.1.240" }] } } });
      await kubectl(["-n", "shop", "patch", "service", "web", "--subresource=status", "--type=merge", "-p", status]);
      await kubectl(["-n", "metallb-system", "delete", "pod", "speaker-a", "--force", "--grace-period=0"]);
      const [web] = await explain("-n", "shop", "web");
      assertEquals([web!.allocation.outcome, web!.layer2[0]!.announcer], ["kept", "node-c"]);
      assertEquals(web!.layer2[0]!.excluded.map(({ node, reason }) => `${node} ${reason}`), ["node-a noSpeaker"]);
    });

    await t.step("explain: an address outside of the announcer's networks is warned about", async () => {
      const { out } = await herald(["explain", "shop/web"]);
      assertStringIncludes(out, "192.168.1.240 is in none of the networks that node-c announces on (eth0 10.0.0.0/24)");
    });

    await t.step("explain on the objects that kubectl prints says the same as explain on the cluster", async () => {
      const kinds =
        "services,nodes,endpointslices,ipaddresspools,l2advertisements,bgpadvertisements,bgppeers,namespaces";
      await Deno.writeTextFile(`${folder}/world.json`, await kubectl(["get", kinds, "-A", "-o", "json"]));
      const args = ["--speakers", "node-b,node-c"];
      assertEquals(await explain("-f", `${folder}/world.json`, ...args), await explain(...args));
    });

    await t.step("status: programs, the leader, who announces, and why a Service waits", async () => {
      await kubectl(
        ["apply", "-f", "-"],
        `
apiVersion: metallb.io/v1beta1
kind: ServiceL2Status
metadata: {name: l2-abc, namespace: metallb-system}
`,
      );
      const status = { node: "node-c", serviceName: "web", serviceNamespace: "shop" };
      const patch = JSON.stringify({ status });
      const target = ["-n", "metallb-system", "servicel2statuses", "l2-abc"];
      await kubectl(["patch", ...target, "--subresource=status", "--type=merge", "-p", patch]);
      const { code, out, err } = await herald(["status", "-o", "json"]);
      assertEquals([code, err], [0, ""]);
      const report = JSON.parse(out);
      const [lost, web] = report.services;
      assertEquals(lost.pending, { reason: "unknownPool", message: 'unknown pool "nowhere"' });
      assertEquals(
        web.announcedBy.map(({ node, protocol, source }: Record<string, string>) => [node, protocol, source]),
        [
          ["node-c", "layer2", "status"],
        ],
      );
      assertEquals(report.leader, { holder: "controller-1_abc", since: "2026-01-01T00:00:00.000000Z" });
      assertEquals(
        report.programs.map(({ pod, ready, leads }: Record<string, unknown>) => [pod, ready, leads]),
        [["controller-1", true, true], ["speaker-c", true, null], ["speaker-b", true, null]],
      );
      const text = (await herald(["status", "-n", "shop"])).out;
      assertStringIncludes(text, "node-c (layer2)");
      assertStringIncludes(text, "controller-1  node-a  ready, leads");
    });

    await t.step("~/.kube/config is used as kubectl does, and a bad token is told", async () => {
      await Deno.mkdir(`${folder}/home/.kube`, { recursive: true });
      await Deno.copyFile(`${folder}/kubeconfig`, `${folder}/home/.kube/config`);
      const { code, err } = await herald(["explain", "shop/web"], { HOME: `${folder}/home` });
      assertEquals([code, err], [0, ""]);
      const config = (await Deno.readTextFile(`${folder}/kubeconfig`)).replace("test-token", "wrong");
      await Deno.writeTextFile(`${folder}/wrong`, config);
      const refused = await herald(["explain", "--kubeconfig", `${folder}/wrong`]);
      assertEquals([refused.code, refused.out], [1, ""]);
      assertStringIncludes(refused.err, "herald explain: the Services cannot be read: Unauthorized");
    });
  });
});
