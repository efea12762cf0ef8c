import { assertEquals } from "@std/assert/equals";
import { type Answered, EmbeddedStage } from "./embedded_stage.ts";

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

Deno.test("Discovery: unknown groups and versions are 404", async () => {
  const stage = new EmbeddedStage();
  for (const path of ["/api/v2", "/apis/apps", "/apis/metallb.io/v1", "/openapi/v3/apis/apps/v1"]) {
    assertEquals((await stage.get(path)).code, 404, path);
  }
});

Deno.test("Discovery: both forms name the same kinds", async () => {
  const stage = new EmbeddedStage();
  const groups = (await stage.get("/apis")).body.groups;
  const plain: string[] = [];
  for (
    const path of [
      "/api/v1",
      ...groups.flatMap((group: Answered) =>
        group.versions.map((version: Answered) => `/apis/${version.groupVersion}`)
      ),
    ]
  ) {
    const found = (await stage.get(path)).body;
    for (const each of found.resources) {
      if (!each.name.includes("/")) plain.push(`${found.groupVersion}/${each.name}/${each.kind}/${each.verbs}`);
    }
  }
  const joined: string[] = [];
  for (const path of ["/api", "/apis"]) {
    const answer = await stage.get(path, AGGREGATED);
    assertEquals([answer.body.kind, answer.headers.get("content-type")], [
      "APIGroupDiscoveryList",
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    ]);
    for (const group of answer.body.items) {
      for (const version of group.versions) {
        const prefix = group.metadata.name === undefined
          ? version.version
          : `${group.metadata.name}/${version.version}`;
        for (const each of version.resources) {
          joined.push(`${prefix}/${each.resource}/${each.responseKind.kind}/${each.verbs}`);
        }
      }
    }
  }
  assertEquals(joined.sort(), plain.sort());
  assertEquals(plain.filter((each) => each.startsWith("metallb.io/")).length, 10);
});

Deno.test("Discovery: status subresources are where kinds have a status", async () => {
  const stage = new EmbeddedStage();
  const names = (await stage.get("/api/v1")).body.resources.map((each: Answered) => each.name);
  for (const name of ["services/status", "pods/status", "nodes/status", "namespaces/status", "pods/binding"]) {
    assertEquals(names.includes(name), true, name);
  }
  assertEquals(names.includes("configmaps/status"), false);
});

Deno.test("Discovery: the preferred version of BGPPeer is the stored one", async () => {
  const group = (await new EmbeddedStage().get("/apis/metallb.io")).body;
  assertEquals(group.preferredVersion.version, "v1beta2");
  assertEquals(group.versions.map((each: Answered) => each.version), ["v1beta2", "v1beta1"]);
});

Deno.test("OpenAPI: each kind's PATCH names fieldValidation, so that kubectl leaves validation to us", async () => {
  const stage = new EmbeddedStage();
  const index = (await stage.get("/openapi/v3")).body.paths;
  assertEquals(Object.keys(index).includes("apis/metallb.io/v1beta1"), true);
  for (const { serverRelativeURL } of Object.values<Answered>(index)) {
    const document = (await stage.get(serverRelativeURL)).body;
    for (const [path, item] of Object.entries<Answered>(document.paths)) {
      if (!path.endsWith("{name}")) continue;
      const [kind] = [item.patch["x-kubernetes-group-version-kind"]];
      assertEquals(typeof kind.kind, "string");
      assertEquals(
        item.patch.parameters.some((each: Answered) => each.name === "fieldValidation" && each.in === "query"),
        true,
        path,
      );
      assertEquals(
        Object.keys(item.patch.requestBody.content).includes("application/strategic-merge-patch+json"),
        false,
      );
    }
  }
});

Deno.test("Health and version answer without knowing anything", async () => {
  const stage = new EmbeddedStage();
  for (const path of ["/healthz", "/livez", "/readyz"]) assertEquals((await stage.get(path)).body, "ok");
  assertEquals((await stage.get("/version")).body.minor, "34");
});
