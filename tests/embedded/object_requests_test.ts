import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import {
  CONFIG_MAPS,
  configMap,
  EmbeddedStage,
  JSON_PATCH,
  MERGE_PATCH,
  pod,
  PODS,
  pool,
  POOLS,
  service,
  SERVICES,
  STRATEGIC_PATCH,
} from "./embedded_stage.ts";

Deno.test("Requests: every bad one gets a Status with code, reason and message", async (test) => {
  const stage = new EmbeddedStage();
  await stage.post(CONFIG_MAPS, configMap("there", { data: { a: "1" } }));
  const nested = `{"metadata":{"name":"x"},"data":${"[".repeat(5000)}${"]".repeat(5000)}}`;
  const rows: readonly [string, { method: string; path: string; body?: unknown; type?: string }, number, string][] = [
    ["no such path", { method: "GET", path: "/nowhere" }, 404, "NotFound"],
    ["no such group", { method: "GET", path: "/apis/apps/v1/deployments" }, 404, "NotFound"],
    ["no such kind", { method: "GET", path: "/api/v1/widgets" }, 404, "NotFound"],
    ["no such version", { method: "GET", path: "/api/v9/pods" }, 404, "NotFound"],
    ["a broken escape", { method: "GET", path: "/api/v1/namespaces/%E0%A4%A/pods" }, 404, "NotFound"],
    ["an empty part", { method: "GET", path: "/api/v1//pods" }, 404, "NotFound"],
    ["a path that is too long", { method: "GET", path: `${CONFIG_MAPS}/a/status/b` }, 404, "NotFound"],
    ["no status subresource", { method: "GET", path: `${CONFIG_MAPS}/there/status` }, 404, "NotFound"],
    ["no such object", { method: "GET", path: `${CONFIG_MAPS}/gone` }, 404, "NotFound"],
    ["delete of nothing", { method: "DELETE", path: `${CONFIG_MAPS}/gone` }, 404, "NotFound"],
    [
      "patch of nothing",
      { method: "PATCH", path: `${CONFIG_MAPS}/gone`, body: {}, type: MERGE_PATCH },
      404,
      "NotFound",
    ],
    ["put of nothing", { method: "PUT", path: `${CONFIG_MAPS}/gone`, body: configMap("gone") }, 404, "NotFound"],
    [
      "missing namespace",
      { method: "POST", path: "/api/v1/namespaces/nope/configmaps", body: configMap("x") },
      404,
      "NotFound",
    ],
    [
      "create without namespace",
      { method: "POST", path: "/api/v1/configmaps", body: configMap("x") },
      405,
      "MethodNotAllowed",
    ],
    [
      "create on an object",
      { method: "POST", path: `${CONFIG_MAPS}/there`, body: configMap("x") },
      405,
      "MethodNotAllowed",
    ],
    ["put on a collection", { method: "PUT", path: CONFIG_MAPS, body: configMap("x") }, 405, "MethodNotAllowed"],
    ["a strange method", { method: "OPTIONS", path: CONFIG_MAPS }, 405, "MethodNotAllowed"],
    [
      "definitions are fixed",
      { method: "POST", path: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body: {} },
      405,
      "MethodNotAllowed",
    ],
    ["not JSON", { method: "POST", path: CONFIG_MAPS, body: "{" }, 400, "BadRequest"],
    ["nothing", { method: "POST", path: CONFIG_MAPS, body: "" }, 400, "BadRequest"],
    ["a list", { method: "POST", path: CONFIG_MAPS, body: [] }, 400, "BadRequest"],
    ["null", { method: "POST", path: CONFIG_MAPS, body: "null" }, 400, "BadRequest"],
    ["nested without end", { method: "POST", path: CONFIG_MAPS, body: nested }, 400, "BadRequest"],
    [
      "another kind",
      { method: "POST", path: CONFIG_MAPS, body: { ...configMap("x"), kind: "Secret" } },
      400,
      "BadRequest",
    ],
    [
      "another version",
      { method: "POST", path: CONFIG_MAPS, body: { ...configMap("x"), apiVersion: "v2" } },
      400,
      "BadRequest",
    ],
    [
      "another namespace",
      { method: "POST", path: CONFIG_MAPS, body: { metadata: { name: "x", namespace: "kube-system" } } },
      400,
      "BadRequest",
    ],
    ["another name", { method: "PUT", path: `${CONFIG_MAPS}/there`, body: configMap("other") }, 400, "BadRequest"],
    [
      "a wrong type",
      { method: "POST", path: CONFIG_MAPS, body: configMap("x", { data: { a: 1 } }) },
      400,
      "BadRequest",
    ],
    [
      "labels of a wrong type",
      { method: "POST", path: POOLS, body: { metadata: { name: "x", labels: { a: 1 } } } },
      400,
      "BadRequest",
    ],
    [
      "a version at creation",
      { method: "POST", path: CONFIG_MAPS, body: { metadata: { name: "x", resourceVersion: "5" } } },
      400,
      "BadRequest",
    ],
    ["dryRun", { method: "POST", path: `${CONFIG_MAPS}?dryRun=Some`, body: configMap("x") }, 422, "Invalid"],
    [
      "fieldValidation",
      { method: "POST", path: `${CONFIG_MAPS}?fieldValidation=Sometimes`, body: configMap("x") },
      422,
      "Invalid",
    ],
    ["limit", { method: "GET", path: `${CONFIG_MAPS}?limit=-1` }, 400, "BadRequest"],
    ["resourceVersion", { method: "GET", path: `${CONFIG_MAPS}?resourceVersion=abc` }, 400, "BadRequest"],
    ["continue", { method: "GET", path: `${CONFIG_MAPS}?continue=abc` }, 400, "BadRequest"],
    ["label selector", { method: "GET", path: `${CONFIG_MAPS}?labelSelector=a%20b%20c` }, 400, "BadRequest"],
    ["field selector", { method: "GET", path: `${CONFIG_MAPS}?fieldSelector=data.a%3D1` }, 400, "BadRequest"],
    [
      "field selector without =",
      { method: "GET", path: `${CONFIG_MAPS}?fieldSelector=metadata.name` },
      400,
      "BadRequest",
    ],
    [
      "a JSON patch that is none",
      { method: "PATCH", path: `${CONFIG_MAPS}/there`, body: {}, type: JSON_PATCH },
      400,
      "BadRequest",
    ],
    [
      "a merge patch that is none",
      { method: "PATCH", path: `${CONFIG_MAPS}/there`, body: [], type: MERGE_PATCH },
      400,
      "BadRequest",
    ],
    [
      "a patch to another type",
      { method: "PATCH", path: `${CONFIG_MAPS}/there`, body: { data: 5 }, type: MERGE_PATCH },
      400,
      "BadRequest",
    ],
    [
      "YAML",
      { method: "POST", path: CONFIG_MAPS, body: "a: b", type: "application/yaml" },
      415,
      "UnsupportedMediaType",
    ],
    [
      "server-side apply without a manager",
      { method: "PATCH", path: `${CONFIG_MAPS}/there`, body: {}, type: "application/apply-patch+yaml" },
      422,
      "Invalid",
    ],
    [
      "strategic patch of a custom kind",
      { method: "PATCH", path: `${POOLS}/x`, body: {}, type: STRATEGIC_PATCH },
      415,
      "UnsupportedMediaType",
    ],
    [
      "a patch without a type",
      { method: "PATCH", path: `${CONFIG_MAPS}/there`, body: {} },
      415,
      "UnsupportedMediaType",
    ],
    [
      "too large",
      { method: "POST", path: CONFIG_MAPS, body: configMap("x", { data: { a: "x".repeat(3 << 20) } }) },
      413,
      "RequestEntityTooLarge",
    ],
    ["no name", { method: "POST", path: CONFIG_MAPS, body: { metadata: {} } }, 422, "Invalid"],
    ["a bad name", { method: "POST", path: CONFIG_MAPS, body: configMap("Not_A_Name") }, 422, "Invalid"],
    [
      "a bad label",
      { method: "POST", path: CONFIG_MAPS, body: { metadata: { name: "x", labels: { "a b": "c" } } } },
      422,
      "Invalid",
    ],
    [
      "a bad key",
      { method: "POST", path: CONFIG_MAPS, body: configMap("x", { data: { "a/b": "c" } }) },
      422,
      "Invalid",
    ],
    [
      "a patch that does not apply",
      {
        method: "PATCH",
        path: `${CONFIG_MAPS}/there`,
        body: [{ op: "test", path: "/data/a", value: "2" }],
        type: JSON_PATCH,
      },
      422,
      "Invalid",
    ],
    [
      "a patch of a path that is not there",
      { method: "PATCH", path: `${CONFIG_MAPS}/there`, body: [{ op: "remove", path: "/data/b" }], type: JSON_PATCH },
      422,
      "Invalid",
    ],
    ["a future version", { method: "GET", path: `${CONFIG_MAPS}?resourceVersion=99999` }, 504, "Timeout"],
    ["streaming lists", { method: "GET", path: `${CONFIG_MAPS}?watch=true&sendInitialEvents=true` }, 422, "Invalid"],
    ["a match without a version", { method: "GET", path: `${CONFIG_MAPS}?resourceVersionMatch=Exact` }, 422, "Invalid"],
    ["a custom update without a version", { method: "PUT", path: `${POOLS}/x`, body: pool("x") }, 404, "NotFound"],
    ["twice", { method: "POST", path: CONFIG_MAPS, body: configMap("there") }, 409, "AlreadyExists"],
    [
      "an old version",
      { method: "PUT", path: `${CONFIG_MAPS}/there`, body: { metadata: { name: "there", resourceVersion: "1" } } },
      409,
      "Conflict",
    ],
    [
      "an old version in a patch",
      {
        method: "PATCH",
        path: `${CONFIG_MAPS}/there`,
        body: { metadata: { resourceVersion: "1" } },
        type: MERGE_PATCH,
      },
      409,
      "Conflict",
    ],
    [
      "another uid",
      { method: "PUT", path: `${CONFIG_MAPS}/there`, body: { metadata: { name: "there", uid: "u" } } },
      409,
      "Conflict",
    ],
    [
      "delete of another uid",
      { method: "DELETE", path: `${CONFIG_MAPS}/there`, body: { preconditions: { uid: "u" } } },
      409,
      "Conflict",
    ],
    [
      "delete of an old version",
      { method: "DELETE", path: `${CONFIG_MAPS}/there`, body: { preconditions: { resourceVersion: "1" } } },
      409,
      "Conflict",
    ],
    ["delete of default", { method: "DELETE", path: "/api/v1/namespaces/default" }, 403, "Forbidden"],
  ];
  const before = stage.api.resourceVersion;
  for (const [name, { method, path, ...options }, code, reason] of rows) {
    await test.step(name, async () => {
      const answer = await stage.send(method, path, options);
      assertEquals([answer.code, answer.body.kind, answer.body.reason, answer.body.code], [
        code,
        "Status",
        reason,
        code,
      ], JSON.stringify(answer.body));
      assertMatch(answer.body.message, /./);
    });
  }
  assertEquals(stage.api.resourceVersion, before, "bad requests must change nothing");
});

Deno.test("Requests: an Accept that nothing fits gets 406", async () => {
  const stage = new EmbeddedStage();
  assertEquals((await stage.get(PODS, "application/cbor")).code, 406);
  assertEquals((await stage.get(PODS, "application/vnd.kubernetes.protobuf,application/json")).code, 200);
  assertEquals((await stage.get(PODS, "*/*")).code, 200);
});

Deno.test("Create: the server gives uid, time and version, and the same seed gives the same ones", async () => {
  const made = await new EmbeddedStage().post(CONFIG_MAPS, configMap("a", { data: { k: "v" } }));
  assertEquals(made.code, 201);
  const { uid, creationTimestamp, resourceVersion, namespace, name } = made.body.metadata;
  assertMatch(uid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assertEquals([creationTimestamp, namespace, name], ["2026-01-02T03:04:05Z", "default", "a"]);
  assertMatch(resourceVersion, /^[1-9][0-9]*$/);
  assertEquals([made.body.apiVersion, made.body.kind, made.body.data], ["v1", "ConfigMap", { k: "v" }]);
  const again = await new EmbeddedStage().post(CONFIG_MAPS, configMap("a", { data: { k: "v" } }));
  assertEquals(again.body, made.body);
  const other = await new EmbeddedStage({ seed: 2 }).post(CONFIG_MAPS, configMap("a"));
  assertEquals(other.body.metadata.uid === uid, false);
});

Deno.test("Create: generateName gives names that differ", async () => {
  const stage = new EmbeddedStage();
  const names = new Set<string>();
  for (let i = 0; i < 20; i++) {
    const made = await stage.post(CONFIG_MAPS, { metadata: { generateName: "conf-" } });
    assertMatch(made.body.metadata.name, /^conf-[a-z0-9]{5}$/);
    names.add(made.body.metadata.name);
  }
  assertEquals(names.size, 20);
});

Deno.test("Update: versions rise over all kinds, and a write that changes nothing makes none", async () => {
  const stage = new EmbeddedStage();
  const versions: number[] = [];
  const note = (answer: { body: { metadata: { resourceVersion: string } } }) =>
    versions.push(Number(answer.body.metadata.resourceVersion));
  note(await stage.post(CONFIG_MAPS, configMap("a")));
  note(await stage.post(POOLS, pool("p")));
  note(await stage.put(`${CONFIG_MAPS}/a`, configMap("a", { data: { x: "1" } })));
  note(await stage.patch(`${CONFIG_MAPS}/a`, { data: { x: "2" } }));
  assertEquals(versions, [...versions].sort((a, b) => a - b));
  assertEquals(new Set(versions).size, 4);
  const last = stage.api.resourceVersion;
  note(await stage.put(`${CONFIG_MAPS}/a`, configMap("a", { data: { x: "2" } })));
  note(await stage.patch(`${CONFIG_MAPS}/a`, { data: { x: "2" } }));
  note(await stage.patch(`${POOLS}/p`, { metadata: { labels: null } }));
  assertEquals(stage.api.resourceVersion, last);
});

Deno.test("Update: what only the server may write stays", async () => {
  const stage = new EmbeddedStage();
  const made = (await stage.post(POOLS, pool("p"))).body;
  const asked = {
    uid: null,
    creationTimestamp: "2000-01-01T00:00:00Z",
    generation: 99,
    deletionTimestamp: "2000-01-01T00:00:00Z",
    managedFields: [{ manager: "x" }],
    selfLink: "/x",
  };
  const patched = (await stage.patch(`${POOLS}/p`, { metadata: asked, spec: { autoAssign: false } })).body;
  assertEquals(patched.metadata, {
    ...made.metadata,
    generation: 2,
    resourceVersion: patched.metadata.resourceVersion,
  });
});

Deno.test("Dry run: the whole answer, and nothing happened", async () => {
  const stage = new EmbeddedStage();
  const before = stage.api.resourceVersion;
  const made = await stage.post(`${SERVICES}?dryRun=All`, service("web", { type: "LoadBalancer" }));
  assertEquals(made.code, 201);
  assertMatch(made.body.spec.clusterIP, /^10\./);
  assertEquals((await stage.get(`${SERVICES}/web`)).code, 404);
  await stage.post(CONFIG_MAPS, configMap("a"));
  assertEquals((await stage.patch(`${CONFIG_MAPS}/a?dryRun=All`, { data: { a: "b" } })).body.data, { a: "b" });
  assertEquals((await stage.delete(`${CONFIG_MAPS}/a?dryRun=All`)).code, 200);
  assertEquals((await stage.get(`${CONFIG_MAPS}/a`)).body.data, undefined);
  assertEquals(stage.api.resourceVersion, before + 1);
});

Deno.test("Delete: finalizers hold an object until they are gone", async () => {
  const stage = new EmbeddedStage();
  await stage.post(CONFIG_MAPS, { metadata: { name: "a", finalizers: ["example.com/hold"] } });
  const held = await stage.delete(`${CONFIG_MAPS}/a`);
  assertEquals(held.body.metadata.deletionTimestamp, "2026-01-02T03:04:05Z");
  assertEquals((await stage.get(`${CONFIG_MAPS}/a`)).code, 200);
  const more = await stage.patch(`${CONFIG_MAPS}/a`, {
    metadata: { finalizers: ["example.com/hold", "example.com/more"] },
  });
  assertEquals(more.code, 422);
  assertEquals((await stage.patch(`${CONFIG_MAPS}/a`, { metadata: { finalizers: null } })).code, 200);
  assertEquals((await stage.get(`${CONFIG_MAPS}/a`)).code, 404);
});

Deno.test("Delete: answers with a Status, or with the object where real servers do", async () => {
  const stage = new EmbeddedStage();
  const made = (await stage.post(CONFIG_MAPS, configMap("a"))).body;
  const gone = await stage.delete(`${CONFIG_MAPS}/a`);
  assertEquals([gone.body.kind, gone.body.status, gone.body.details], [
    "Status",
    "Success",
    { name: "a", kind: "configmaps", uid: made.metadata.uid },
  ]);
  await stage.post(SERVICES, service("web"));
  assertEquals((await stage.delete(`${SERVICES}/web`)).body.kind, "Service");
});

Deno.test("Delete: a collection goes by selector, and what went is listed", async () => {
  const stage = new EmbeddedStage();
  for (const [name, app] of [["a", "x"], ["b", "y"], ["c", "x"]]) {
    await stage.post(CONFIG_MAPS, { metadata: { name, labels: { app } } });
  }
  const gone = await stage.delete(`${CONFIG_MAPS}?labelSelector=app%3Dx`);
  assertEquals(gone.body.items.map((item: { metadata: { name: string } }) => item.metadata.name), ["a", "c"]);
  assertEquals((await stage.get(CONFIG_MAPS)).body.items.length, 1);
});

Deno.test("Status: the two halves of an object are written apart", async () => {
  const stage = new EmbeddedStage();
  const made = await stage.post(POOLS, { ...pool("p"), status: { assignedIPv4: 9 } });
  assertEquals(made.body.status, undefined, "creation drops the status of a custom object");
  const status = { assignedIPv4: 1, assignedIPv6: 0, availableIPv4: 255, availableIPv6: 0 };
  const main = await stage.patch(`${POOLS}/p`, { status, spec: { autoAssign: false } });
  assertEquals([main.body.status, main.body.spec.autoAssign, main.body.metadata.generation], [undefined, false, 2]);
  const sub = await stage.patch(`${POOLS}/p/status`, {
    status,
    spec: { autoAssign: true },
    metadata: { labels: { a: "b" } },
  });
  assertEquals([sub.body.status, sub.body.spec.autoAssign, sub.body.metadata.generation], [status, false, 2]);
  assertEquals(sub.body.metadata.labels, undefined, "the status of a custom object does not carry metadata");
  assertEquals((await stage.patch(`${POOLS}/p/status`, { status: { assignedIPv4: "x" } })).code, 422);
});

Deno.test("Status: one PATCH of a Service's status carries address and annotation", async () => {
  const stage = new EmbeddedStage();
  await stage.post(SERVICES, service("web", { type: "LoadBalancer" }));
  const written = await stage.patch(`${SERVICES}/web/status`, {
    metadata: { annotations: { "metallb.io/ip-allocated-from-pool": "p" } },
    spec: { externalTrafficPolicy: "Local" },
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
  });
  assertEquals(written.body.metadata.annotations, { "metallb.io/ip-allocated-from-pool": "p" });
  assertEquals(written.body.spec.externalTrafficPolicy, "Cluster");
  assertEquals(written.body.status, { loadBalancer: { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }] } });
});

Deno.test("Field validation: unknown fields are refused, warned about or ignored, and never kept", async () => {
  const stage = new EmbeddedStage();
  const body = pool("p", { addresses: ["192.0.2.0/24"], adresses: ["x"], serviceAllocation: { prio: 1 } });
  const strict = await stage.post(`${POOLS}?fieldValidation=Strict`, body);
  assertEquals([strict.code, strict.body.reason], [400, "BadRequest"]);
  assertMatch(
    strict.body.message,
    /strict decoding error: unknown field "spec.adresses", unknown field "spec.serviceAllocation.prio"$/,
  );
  const warned = await stage.post(POOLS, body);
  assertEquals(
    warned.headers.get("warning"),
    '299 - "unknown field \\"spec.adresses\\"", 299 - "unknown field \\"spec.serviceAllocation.prio\\""',
  );
  assertEquals(warned.body.spec, {
    addresses: ["192.0.2.0/24"],
    autoAssign: true,
    avoidBuggyIPs: false,
    serviceAllocation: {},
  });
  const ignored = await stage.post(`${POOLS}?fieldValidation=Ignore`, { ...body, metadata: { name: "q" } });
  assertEquals([ignored.code, ignored.headers.get("warning")], [201, null]);
  const pods = await stage.post(`${PODS}?fieldValidation=Strict`, pod("x", { labels: {}, spec: { nodName: "n1" } }));
  assertMatch(pods.body.message, /unknown field "spec.nodName"/);
});

Deno.test("Objects: a member called __proto__ is dropped and changes nothing", async () => {
  const stage = new EmbeddedStage();
  await stage.post(CONFIG_MAPS, '{"metadata":{"name":"a"},"data":{"__proto__":"x","k":"v"}}');
  assertEquals((await stage.get(`${CONFIG_MAPS}/a`)).body.data, { k: "v" });
  await stage.send("PATCH", `${CONFIG_MAPS}/a`, { body: '{"\\u005f_proto__":{"polluted":"yes"}}', type: MERGE_PATCH });
  await stage.send("PATCH", `${CONFIG_MAPS}/a`, {
    body: '[{"op":"add","path":"/__proto__/polluted","value":"yes"}]',
    type: JSON_PATCH,
  });
  assertEquals(({} as Record<string, unknown>).polluted, undefined);
});
