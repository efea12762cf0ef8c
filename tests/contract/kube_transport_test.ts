/** Kubeconfigs and service accounts, each against a TLS server that says who it was asked by. */
import { assertEquals } from "@std/assert/equals";
import { assert } from "@std/assert/assert";
import { assertStringIncludes } from "@std/assert/string_includes";
import { RESOURCES } from "../../lib/base/kube.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { loadTransport, type Transport, type TransportOptions } from "../../lib/edge/kube/transport.ts";
import { TestAuthority, TlsServer } from "./kube_tls_server.ts";

const TARGET = { namespace: "default", name: "x" };

interface Stage {
  readonly directory: string;
  readonly authority: TestAuthority;
  readonly server: TlsServer;
  /** Writes a kubeconfig with this cluster and user, and gives its path. */
  kubeconfig(
    parts: { cluster?: Record<string, unknown>; user?: Record<string, unknown>; name?: string },
  ): Promise<string>;
  open(options: TransportOptions): Promise<Transport>;
}

function withServer(what: string, run: (stage: Stage) => Promise<void>, hosts = ["127.0.0.1"]): void {
  Deno.test(`Transport: ${what}`, async () => {
    const directory = await Deno.makeTempDir();
    const authority = await TestAuthority.create("test authority");
    const server = await TlsServer.start({
      server: await authority.issue("server", { hosts }),
      clientCaPem: authority.caPem,
    });
    const opened: Transport[] = [];
    const stage: Stage = {
      directory,
      authority,
      server,
      kubeconfig: async ({ cluster, user, name = "config" }) => {
        const address = `https://127.0.0.1:${server.port}`;
        const config = kubeconfigOf({
          cluster: { server: address, "certificate-authority-data": btoa(authority.caPem), ...cluster },
          user: user ?? {},
        });
        await Deno.writeTextFile(`${directory}/${name}`, JSON.stringify(config));
        return `${directory}/${name}`;
      },
      open: async (options) => {
        const loaded = await loadTransport(options);
        if (!loaded.ok) throw new Error(loaded.problem.message);
        opened.push(loaded.transport);
        return loaded.transport;
      },
    };
    try {
      await run(stage);
    } finally {
      for (const transport of opened) transport.close();
      await server.stop();
      await Deno.remove(directory, { recursive: true });
    }
  });
}

function kubeconfigOf({ cluster, user }: { cluster: Record<string, unknown>; user: Record<string, unknown> }) {
  return {
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "shop" } }],
    "current-context": "x",
  };
}

async function ask(transport: Transport): Promise<string> {
  const client = new KubeClient({ baseUrl: transport.baseUrl, requestTimeoutMs: 5_000 }, { fetch: transport.fetch });
  const result = await client.patch(RESOURCES.configMaps, TARGET, { type: "merge", body: { data: {} } });
  return result.ok ? "ok" : result.error.message;
}

withServer("a bearer token is sent, with the namespace and source of the kubeconfig", async (stage) => {
  const kubeconfig = await stage.kubeconfig({ user: { token: "secret", as: "somebody" } });
  const transport = await stage.open({ kubeconfig, env: {} });
  assertEquals(await ask(transport), "ok");
  const [heard] = stage.server.heard;
  assertEquals([heard!.authorization, heard!.impersonate, heard!.method], ["Bearer secret", "somebody", "PATCH"]);
  assertEquals([heard!.path, heard!.body], ["/api/v1/namespaces/default/configmaps/x", '{"data":{}}']);
  assertEquals([transport.namespace, transport.source], ["shop", kubeconfig]);
});

for (const format of ["pkcs8", "pkcs1", "sec1"] as const) {
  withServer(`a client certificate with a ${format} key is presented, from data and from files`, async (stage) => {
    const { certPem, keyPem } = await stage.authority.issue("alice", { format });
    const data = { "client-certificate-data": btoa(certPem), "client-key-data": btoa(keyPem) };
    await Deno.writeTextFile(`${stage.directory}/alice.crt`, certPem);
    await Deno.writeTextFile(`${stage.directory}/alice.key`, keyPem);
    await Deno.writeTextFile(`${stage.directory}/ca.crt`, stage.authority.caPem);
    const files = { "client-certificate": "alice.crt", "client-key": "alice.key" };
    const relative = { "certificate-authority": "ca.crt", "certificate-authority-data": undefined };
    for (const parts of [{ user: data }, { user: files, cluster: relative }]) {
      const transport = await stage.open({ kubeconfig: await stage.kubeconfig(parts), env: {} });
      assertEquals(await ask(transport), "ok");
    }
    assertEquals(stage.server.heard.map((heard) => heard.client), ["alice", "alice"]);
  });
}

withServer("a server that another authority signed is refused", async (stage) => {
  const other = await TestAuthority.create("other authority");
  const cluster = { "certificate-authority-data": btoa(other.caPem) };
  const transport = await stage.open({ kubeconfig: await stage.kubeconfig({ cluster, user: {} }), env: {} });
  assert(await ask(transport) !== "ok");
  assertEquals(stage.server.heard, []);
});

withServer("insecure-skip-tls-verify accepts it", async (stage) => {
  const cluster = { "certificate-authority-data": undefined, "insecure-skip-tls-verify": true };
  const { certPem, keyPem } = await stage.authority.issue("bob");
  const user = { "client-certificate-data": btoa(certPem), "client-key-data": btoa(keyPem) };
  const transport = await stage.open({ kubeconfig: await stage.kubeconfig({ cluster, user }), env: {} });
  assertEquals(await ask(transport), "ok");
  assertEquals(stage.server.heard[0]!.client, "bob");
});

withServer("tls-server-name expects that name instead of the address", async (stage) => {
  const right = await stage.kubeconfig({ cluster: { "tls-server-name": "kube.test" }, name: "right" });
  const wrong = await stage.kubeconfig({ cluster: { "tls-server-name": "other.test" }, name: "wrong" });
  const none = await stage.kubeconfig({ name: "none" });
  assertEquals(await ask(await stage.open({ kubeconfig: right, env: {} })), "ok");
  assert(await ask(await stage.open({ kubeconfig: wrong, env: {} })) !== "ok");
  assert(await ask(await stage.open({ kubeconfig: none, env: {} })) !== "ok");
}, ["kube.test"]);

withServer("a token file is read again, also at once after a 401", async (stage) => {
  await Deno.writeTextFile(`${stage.directory}/token`, "first\n");
  const kubeconfig = await stage.kubeconfig({ user: { tokenFile: "token" } });
  const transport = await stage.open({ kubeconfig, env: {}, credentialsAgeMaxMs: 0 });
  await ask(transport);
  await Deno.writeTextFile(`${stage.directory}/token`, "second\n");
  await ask(transport);
  await Deno.remove(`${stage.directory}/token`);
  assertEquals(await ask(transport), "ok", "a token that is missing for a moment");
  const bearers = stage.server.heard.map((heard) => heard.authorization);
  assertEquals(bearers, ["Bearer first", "Bearer second", "Bearer second"]);
});

withServer("an exec plugin is asked for the token", async (stage) => {
  const answer = JSON.stringify({ kind: "ExecCredential", status: { token: "from-plugin" } });
  const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "echo", args: [answer] };
  const transport = await stage.open({ kubeconfig: await stage.kubeconfig({ user: { exec } }), env: {} });
  assertEquals(await ask(transport), "ok");
  assertEquals(stage.server.heard[0]!.authorization, "Bearer from-plugin");
});

withServer("in a Pod the service account is used and its token read again", async (stage) => {
  await Deno.writeTextFile(`${stage.directory}/token`, "pod-1");
  await Deno.writeTextFile(`${stage.directory}/ca.crt`, stage.authority.caPem);
  await Deno.writeTextFile(`${stage.directory}/namespace`, "metallb-system");
  const transport = await stage.open({
    env: { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(stage.server.port) },
    serviceAccountDirectory: stage.directory,
    credentialsAgeMaxMs: 0,
  });
  await ask(transport);
  await Deno.writeTextFile(`${stage.directory}/token`, "pod-2");
  await ask(transport);
  assertEquals(stage.server.heard.map((heard) => heard.authorization), ["Bearer pod-1", "Bearer pod-2"]);
  assertEquals([transport.namespace, transport.source], ["metallb-system", "service account"]);
});

withServer(
  "a renewed client certificate is used for what comes next, and running requests end in order",
  async (stage) => {
    const write = async (name: string) => {
      const { certPem, keyPem } = await stage.authority.issue(name);
      await Deno.writeTextFile(`${stage.directory}/tls.crt`, certPem);
      await Deno.writeTextFile(`${stage.directory}/tls.key`, keyPem);
    };
    await write("before");
    const user = { "client-certificate": "tls.crt", "client-key": "tls.key" };
    const transport = await stage.open({
      kubeconfig: await stage.kubeconfig({ user }),
      env: {},
      credentialsAgeMaxMs: 0,
    });
    const early = transport.fetch(new Request(`${transport.baseUrl}/early`));
    await write("after");
    assertEquals(await ask(transport), "ok");
    const response = await early;
    await response.text();
    assertEquals(stage.server.heard.at(-1)!.client, "after");
  },
);

withServer(
  "KUBECONFIG may be a list: the first file that says something wins, a missing one says nothing",
  async (stage) => {
    const first = await stage.kubeconfig({ user: { token: "first" }, name: "first" });
    const second = await stage.kubeconfig({ user: { token: "second" }, name: "second" });
    const transport = await stage.open({ env: { KUBECONFIG: `/no/such/file:${first}:${second}:` } });
    await ask(transport);
    const flag = await stage.open({ kubeconfig: second, env: { KUBECONFIG: first } });
    await ask(flag);
    assertEquals(stage.server.heard.map((heard) => heard.authorization), ["Bearer first", "Bearer second"]);
  },
);

/** What the file says, and what the problem must name. */
const BAD_FILES: readonly (readonly [string, string, readonly string[]])[] = [
  ["an empty file", "", ["/config", "empty"]],
  ["no YAML", "a: [", ["/config", "YAML"]],
  ["a list", "- a", ["/config", "not a kubeconfig"]],
  ["no context", "clusters: []", ["/config", "current-context"]],
  ["an unknown context", "current-context: gone\ncontexts: [{name: x, context: {cluster: c, user: u}}]", ["gone", "x"]],
  ["an unknown cluster", "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]", [
    "cluster",
    '"c"',
  ]],
  [
    "an unknown user",
    "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://a'}}]",
    ["user", '"u"'],
  ],
  ["a cluster without server", "clusters: [{name: c, cluster: {}}]", ["/config", "clusters[0].cluster.server"]],
  ["a server that is no URL", JSON.stringify(kubeconfigOf({ cluster: { server: "10.0.0.1" }, user: {} })), [
    '"c"',
    "server",
  ]],
  [
    "a server with a password",
    JSON.stringify(kubeconfigOf({ cluster: { server: "https://me:TOP-SECRET@a" }, user: {} })),
    ["/config", '"c"', "belong into a user"],
  ],
  [
    "a token in two lines",
    JSON.stringify(kubeconfigOf({ cluster: { server: "https://a" }, user: { token: "TOP-SECRET\nTOP-SECRET" } })),
    ["/config", '"authorization"', "line break"],
  ],
  [
    "a CA file that is not there",
    JSON.stringify(kubeconfigOf({ cluster: { server: "https://a", "certificate-authority": "no.crt" }, user: {} })),
    ["/config", "no.crt"],
  ],
  [
    "a CA that is no certificate",
    JSON.stringify(
      kubeconfigOf({ cluster: { server: "https://a", "certificate-authority-data": btoa("x") }, user: {} }),
    ),
    ["/config", "certificate"],
  ],
  [
    "a client certificate without key",
    JSON.stringify(kubeconfigOf({
      cluster: { server: "https://a" },
      user: { "client-certificate-data": btoa("-----BEGIN CERTIFICATE-----") },
    })),
    ["/config", "client-key"],
  ],
  [
    "a token file that is not there",
    JSON.stringify(kubeconfigOf({ cluster: { server: "https://a" }, user: { tokenFile: "no.token" } })),
    ["/config", "no.token"],
  ],
  [
    "a plugin that is not there",
    JSON.stringify(kubeconfigOf({ cluster: { server: "https://a" }, user: { exec: { command: "/no/such/plugin" } } })),
    ["/config", "/no/such/plugin"],
  ],
  [
    "an impossible proxy",
    JSON.stringify(kubeconfigOf({ cluster: { server: "https://a", "proxy-url": "ftp://b" }, user: {} })),
    ["/config", "proxy-url"],
  ],
];
for (const [what, text, parts] of BAD_FILES) {
  Deno.test(`Transport: a kubeconfig with ${what} is a problem that names the file and the place`, async () => {
    const directory = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${directory}/config`, text);
      const loaded = await loadTransport({ kubeconfig: `${directory}/config`, env: {} });
      assert(!loaded.ok, "a problem was expected");
      if (loaded.ok) return;
      for (const part of parts) assertStringIncludes(loaded.problem.message, part);
      assert(!loaded.problem.message.includes("TOP-SECRET"), loaded.problem.message);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

Deno.test("Transport: a mistake in the YAML does not put the token next to it into the message", async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "users:\n- name: u\n  user:\n    token: TOP-SECRET\n   wrong: [\n");
  const loaded = await loadTransport({ kubeconfig: file, env: {} });
  await Deno.remove(file);
  assert(!loaded.ok && !loaded.problem.message.includes("TOP-SECRET"));
});

Deno.test("Transport: without any configuration the problem says what to give", async () => {
  for (const env of [{}, { KUBECONFIG: "" }, { KUBERNETES_SERVICE_HOST: "10.0.0.1" }]) {
    const loaded = await loadTransport({ env });
    assert(!loaded.ok && loaded.problem.reason === "noConfig" && loaded.problem.message.includes("--kubeconfig"));
  }
  const missing = await loadTransport({ kubeconfig: "/no/such/file", env: {} });
  assert(!missing.ok && missing.problem.reason === "missing" && missing.problem.message.includes("/no/such/file"));
  const none = await loadTransport({ env: { KUBECONFIG: "/no/such/file:/nor/this" } });
  assert(!none.ok && none.problem.reason === "missing" && none.problem.message.includes("/nor/this"));
  const context = await loadTransport({ context: "x", env: {} });
  assert(!context.ok && context.problem.reason === "noContext");
});
