// needs: kubectl
// permissions: --allow-all
/** The real kubectl against the embedded API: what a user types, and what they then read. */
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string_includes";
import { type EmbeddedProcess, startEmbeddedProcess } from "../support/embedded_process.ts";
import { RealKubectl } from "../support/kubectl.ts";

const COMMAND_LIMIT_MS = 120_000;

/** Commands that succeed warn of nothing, and nothing that was started outlives its test. */
class Kubectl extends RealKubectl {
  readonly #children = new Set<Deno.ChildProcess>();

  override async ok(command: string, input = ""): Promise<string> {
    const { stdout, stderr } = await this.succeeds(command, input);
    assertEquals(stderr, "", `kubectl ${command}`);
    return stdout;
  }

  override start(args: readonly string[]): Deno.ChildProcess {
    const child = super.start(args);
    this.#children.add(child);
    child.status.then(() => this.#children.delete(child));
    return child;
  }

  stop(): void {
    for (const child of this.#children) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has just ended.
      }
    }
  }
}

interface Stage {
  readonly kubectl: Kubectl;
  readonly server: EmbeddedProcess;
  readonly folder: string;
}

async function withKubectl(body: (stage: Stage) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "herald-kubectl-" });
  const server = await startEmbeddedProcess({ kubeconfig: `${folder}/kubeconfig` });
  const kubectl = new Kubectl({ home: folder, kubeconfig: `${folder}/kubeconfig` });
  try {
    await body({ kubectl, server, folder });
  } finally {
    kubectl.stop();
    server.kill();
    await server.ended;
    await Deno.remove(folder, { recursive: true });
  }
}

function poolYaml(addresses: string): string {
  return `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: first
  namespace: default
spec:
  addresses:
  - ${addresses}
`;
}

function serviceYaml(port: number): string {
  return `apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: default
spec:
  type: LoadBalancer
  selector: {app: web}
  ports:
  - {name: http, port: ${port}, targetPort: 8080}
  - {name: https, port: 443, targetPort: 8443}
`;
}

const POD_YAML = `apiVersion: v1
kind: Pod
metadata:
  name: web-1
  namespace: default
  labels: {app: web}
spec:
  nodeName: n1
  containers:
  - name: main
    image: web:1
    ports: [{containerPort: 8080}]
`;

Deno.test("kubectl: what is wrong in a file is said in one clear line", () =>
  withKubectl(async ({ kubectl }) => {
    const rows: readonly [string, string, RegExp][] = [
      ["broken YAML", "a: [b", /error converting YAML to JSON: yaml: line 1/],
      ["no kind", "apiVersion: v1\n", /kind not set|Object 'Kind' is missing/],
      [
        "a kind that is not served",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n",
        /no matches for kind "Deployment" in version "apps\/v1"/,
      ],
      [
        "a field with a typing error",
        poolYaml("192.0.2.0/24").replace("addresses:", "adresses:"),
        /strict decoding error: unknown field "spec\.adresses"/,
      ],
      [
        "a missing field",
        "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: x}\nspec: {}\n",
        /The IPAddressPool "x" is invalid: spec\.addresses: Required value/,
      ],
      [
        "a word for a boolean",
        `${poolYaml("192.0.2.0/24")}  autoAssign: "no"\n`,
        /spec\.autoAssign: Invalid value: "string": spec\.autoAssign in body must be of type boolean: "string"/,
      ],
      [
        "a port out of range",
        serviceYaml(70_000),
        /spec\.ports\[0\]\.port: Invalid value: 70000: must be between 1 and 65535, inclusive/,
      ],
      ["a text for a list", "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: x}\n", /spec\.ports/],
      [
        "a missing namespace",
        poolYaml("192.0.2.0/24").replace("namespace: default", "namespace: nope"),
        /namespaces "nope" not found/,
      ],
      [
        "a bad name",
        poolYaml("192.0.2.0/24").replace("name: first", "name: First_Pool"),
        /metadata\.name: Invalid value: "First_Pool"/,
      ],
    ];
    for (const [name, yaml, message] of rows) assertMatch(await kubectl.fails("apply -f -", yaml), message, name);
    assertMatch(
      await kubectl.fails("get services nope"),
      /^Error from server \(NotFound\): services "nope" not found$/,
    );
    assertEquals(await kubectl.ok("get ipaddresspools,services -A -o name"), "");
  }));

Deno.test("kubectl: apply creates, changes, and sees that nothing changed", () =>
  withKubectl(async ({ kubectl }) => {
    const apply = (...yaml: string[]) => kubectl.ok("apply -f -", yaml.join("---\n"));
    const [pool, pod, service] = ["ipaddresspool.metallb.io/first", "pod/web-1", "service/web"];
    assertEquals(
      await apply(poolYaml("192.0.2.0/24"), POD_YAML, serviceYaml(80)),
      `${pool} created\n${pod} created\n${service} created`,
    );
    const before = await kubectl.ok("get service web -o json");
    assertEquals(
      await apply(poolYaml("192.0.2.0/24"), POD_YAML, serviceYaml(80)),
      `${pool} unchanged\n${pod} unchanged\n${service} unchanged`,
    );
    assertEquals(await kubectl.ok("get service web -o json"), before);
    assertEquals(
      await apply(poolYaml("198.51.100.0/24"), POD_YAML, serviceYaml(81)),
      `${pool} configured\n${pod} unchanged\n${service} configured`,
    );
    const after = JSON.parse(await kubectl.ok("get service web -o json"));
    assertEquals(after.spec.ports.map((port: { port: number }) => port.port), [81, 443]);
    assertEquals(after.spec.clusterIP, JSON.parse(before).spec.clusterIP);
    assertEquals(await kubectl.ok("get ipaddresspool first -o jsonpath={.spec.addresses[0]}"), "198.51.100.0/24");
    assertEquals(await kubectl.ok("diff -f -", serviceYaml(81)), "");
    assertEquals(await kubectl.ok("replace -f -", poolYaml("203.0.113.0/24")), `${pool} replaced`);
    // Newer ones say from which namespace.
    assertMatch(
      await kubectl.ok("delete -f -", `${poolYaml("203.0.113.0/24")}---\n${serviceYaml(81)}`),
      /^ipaddresspool\.metallb\.io "first" deleted.*\nservice "web" deleted.*$/,
    );
  }));

Deno.test("kubectl: apply --server-side creates, is refused what another manager owns, and takes over what kubectl had", () =>
  withKubectl(async ({ kubectl }) => {
    const applied = (action: string) => `ipaddresspool.metallb.io/first ${action}`;
    assertEquals(await kubectl.ok("apply --server-side -f -", poolYaml("192.0.2.0/24")), applied("serverside-applied"));
    const version = await kubectl.ok("get ipaddresspool first -o jsonpath={.metadata.resourceVersion}");
    assertEquals(await kubectl.ok("apply --server-side -f -", poolYaml("192.0.2.0/24")), applied("serverside-applied"));
    assertEquals(await kubectl.ok("get ipaddresspool first -o jsonpath={.metadata.resourceVersion}"), version);
    const other = "apply --server-side --field-manager=other -f -";
    assertStringIncludes(
      await kubectl.fails(other, poolYaml("198.51.100.0/24")),
      'Apply failed with 1 conflict: conflict with "kubectl": .spec.addresses',
    );
    await kubectl.ok(
      "apply --server-side --force-conflicts --dry-run=server --field-manager=other -f -",
      poolYaml("198.51.100.0/24"),
    );
    assertEquals(await kubectl.ok("get ipaddresspool first -o jsonpath={.spec.addresses[0]}"), "192.0.2.0/24");
    await kubectl.ok("apply --server-side --force-conflicts --field-manager=other -f -", poolYaml("198.51.100.0/24"));
    const managers = "-o jsonpath={range.metadata.managedFields[*]}{.manager}/{.operation}/{.fieldsV1},{end}";
    assertEquals(
      await kubectl.ok(`get ipaddresspool first --show-managed-fields ${managers}`),
      'other/Apply/{"f:spec":{"f:addresses":{}}},',
    );
    assertEquals((await kubectl.ok("get ipaddresspool first -o yaml")).includes("managedFields"), false);
    const bad = await kubectl.fails("apply --server-side -f -", poolYaml("192.0.2.0/24") + "  addreses: []\n");
    assertStringIncludes(bad, ".spec.addreses: field not declared in schema");

    // Whoever applied from the client before may go on with the server's way, and back.
    const map = (value: string) => `{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: "${value}"}}`;
    await kubectl.ok("apply -f -", map("1"));
    assertEquals(await kubectl.ok("apply --server-side -f -", map("2")), "configmap/m serverside-applied");
    // kubectl keeps its annotation under a name of its own from then on.
    const names = await kubectl.ok(
      "get configmap m --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}",
    );
    assertEquals(names.split(" ").sort(), ["kubectl", "kubectl-last-applied"]);
    assertEquals(await kubectl.ok("apply -f -", map("3")), "configmap/m configured");
    assertEquals(await kubectl.ok("get configmap m -o jsonpath={.data}"), '{"a":"3"}');
  }));

Deno.test("kubectl: create, get, describe, label, annotate, patch, wait, delete", () =>
  withKubectl(async ({ kubectl }) => {
    assertEquals(await kubectl.ok("create service loadbalancer web --tcp=80:8080"), "service/web created");
    assertEquals(await kubectl.ok("create namespace shop"), "namespace/shop created");
    assertEquals(await kubectl.ok("create secret generic key --from-literal=password=x -n shop"), "secret/key created");
    assertEquals(await kubectl.ok("create configmap conf --from-literal=a=b -n shop"), "configmap/conf created");
    const pending = (await kubectl.ok("get service web --no-headers")).split(/ +/);
    assertEquals([pending[1], pending[3]], ["LoadBalancer", "<pending>"]);
    const status = '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.9"}]}}}';
    await kubectl.ok(`patch service web --subresource=status --type=merge -p ${status}`);
    assertEquals((await kubectl.ok("get service web --no-headers")).split(/ +/)[3], "192.0.2.9");
    assertEquals(
      await kubectl.ok("wait --for=jsonpath={.status.loadBalancer.ingress[0].ip}=192.0.2.9 service/web --timeout=60s"),
      "service/web condition met",
    );
    await kubectl.ok("apply -f -", POD_YAML);
    await kubectl.ok(
      'patch pod web-1 --subresource=status --type=merge -p {"status":{"phase":"Running","podIP":"10.1.0.7","conditions":[{"type":"Ready","status":"True"}]}}',
    );
    assertEquals(await kubectl.ok("wait --for=condition=Ready pod/web-1 --timeout=60s"), "pod/web-1 condition met");
    const uid = await kubectl.ok("get service web -o jsonpath={.metadata.uid}");
    await kubectl.ok(
      "create -f -",
      `apiVersion: v1
kind: Event
metadata: {name: e1, namespace: default}
involvedObject: {kind: Service, namespace: default, name: web, uid: ${uid}}
type: Normal
reason: IPAllocated
message: Assigned IP ["192.0.2.9"]
source: {component: metallb-controller}
lastTimestamp: "2026-01-02T03:04:05Z"
`,
    );
    const described = await kubectl.ok("describe service web");
    for (
      const line of [
        /^Type: +LoadBalancer$/m,
        /^LoadBalancer Ingress: +192\.0\.2\.9/m,
        /^Endpoints: +10\.1\.0\.7:8080$/m,
        /IPAllocated .* metallb-controller +Assigned IP \["192\.0\.2\.9"\]/,
      ]
    ) {
      assertMatch(described, line);
    }
    assertStringIncludes(await kubectl.ok("get events"), "IPAllocated   service/web   Assigned IP");
    assertEquals(await kubectl.ok("label service web tier=front"), "service/web labeled");
    assertEquals(await kubectl.ok("get services -l tier=front -o name"), "service/web");
    assertEquals(await kubectl.ok("annotate service web metallb.io/address-pool=first"), "service/web annotated");
    assertEquals(
      await kubectl.ok('patch service web -p {"spec":{"ports":[{"port":80,"targetPort":8081}]}}'),
      "service/web patched",
    );
    assertEquals(
      await kubectl.ok('patch service web --type=merge -p {"spec":{"externalTrafficPolicy":"Local"}}'),
      "service/web patched",
    );
    assertEquals(
      await kubectl.ok('patch service web --type=json -p [{"op":"replace","path":"/spec/ports/0/port","value":81}]'),
      "service/web patched",
    );
    const shown = await kubectl.ok("get service web -o yaml");
    for (
      const line of [
        "    tier: front",
        "    metallb.io/address-pool: first",
        "    port: 81",
        "    targetPort: 8081",
        "  externalTrafficPolicy: Local",
      ]
    ) {
      assertStringIncludes(shown, line);
    }
    await kubectl.ok("apply -f -", poolYaml("192.0.2.0/24"));
    assertStringIncludes(
      await kubectl.fails('patch ipaddresspool first -p {"spec":{}}'),
      "application/strategic-merge-patch+json is not supported",
    );
    assertMatch(await kubectl.ok("delete namespace shop --timeout=60s"), /^namespace "shop" deleted/);
    assertEquals(await kubectl.ok("get secrets,configmaps -A -o name"), "");
    assertMatch(await kubectl.ok("delete pods --all"), /^pod "web-1" deleted/);
    assertMatch(await kubectl.ok("delete service web"), /^service "web" deleted/);
  }));

Deno.test("kubectl: tables of the custom kinds have their printer columns", () =>
  withKubectl(async ({ kubectl }) => {
    await kubectl.ok("apply -f -", poolYaml("192.0.2.0/24"));
    const [header, row] = (await kubectl.ok("get ipaddresspools")).split("\n");
    assertEquals(header!.split(/ {2,}/).map((cell) => cell.trim()).filter(Boolean), [
      "NAME",
      "AUTO ASSIGN",
      "AVOID BUGGY IPS",
      "ADDRESSES",
    ]);
    assertEquals(row!.split(/ +/), ["first", "true", "false", '["192.0.2.0/24"]']);
    assertStringIncludes(await kubectl.ok("explain ipaddresspool.spec"), "addresses\t<[]string> -required-");
    const kinds = await kubectl.ok("api-resources --api-group=metallb.io -o name");
    assertEquals(kinds.split("\n").sort(), [
      "bfdprofiles.metallb.io",
      "bgpadvertisements.metallb.io",
      "bgppeers.metallb.io",
      "communities.metallb.io",
      "configurationstates.metallb.io",
      "ipaddresspools.metallb.io",
      "l2advertisements.metallb.io",
      "servicebgpstatuses.metallb.io",
      "servicel2statuses.metallb.io",
    ]);
    assertEquals(await kubectl.ok("auth can-i create services"), "yes");
    assertStringIncludes(await kubectl.ok("auth whoami"), "kubernetes-admin");
  }));

Deno.test("kubectl: get -w prints each change as it happens", () =>
  withKubectl(async ({ kubectl }) => {
    await kubectl.ok("create service loadbalancer web --tcp=80:8080");
    const watching = kubectl.start(["get", "services", "-w", "--no-headers"]);
    await watching.stdin.close();
    const reader = watching.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let seen = "";
    const until = async (pattern: RegExp) => {
      const limit = setTimeout(() => watching.kill("SIGKILL"), COMMAND_LIMIT_MS);
      while (!pattern.test(seen)) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`the watch ended with: ${seen}`);
        seen += value;
      }
      clearTimeout(limit);
    };
    await until(/^web +LoadBalancer +\S+ +<pending> /m);
    await kubectl.ok(
      'patch service web --subresource=status --type=merge -p {"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.9"}]}}}',
    );
    await until(/^web +LoadBalancer +\S+ +192\.0\.2\.9 /m);
    watching.kill("SIGKILL");
    await reader.cancel();
    await watching.stderr.cancel();
    await watching.status;
  }));
