/** Random requests, seeded: whatever a client sends, it gets an answer, and the server's own rules still hold. */
import { assertEquals } from "@std/assert/equals";
import { below, SeededRng } from "../../lib/base/rng.ts";
import {
  type Answered,
  CONFIG_MAPS,
  EmbeddedStage,
  JSON_PATCH,
  JSON_TYPE,
  MERGE_PATCH,
  PODS,
  POOLS,
  SERVICES,
  SLICES,
  STRATEGIC_PATCH,
} from "./embedded_stage.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const TYPES = [
  JSON_TYPE,
  MERGE_PATCH,
  JSON_PATCH,
  STRATEGIC_PATCH,
  "application/apply-patch+yaml",
  "application/vnd.kubernetes.protobuf",
  "text/plain",
];
const COLLECTIONS = [
  SERVICES,
  PODS,
  CONFIG_MAPS,
  POOLS,
  SLICES,
  "/api/v1/nodes",
  "/api/v1/namespaces",
  "/api/v1/namespaces/shop/secrets",
  "/api/v1/events",
  "/apis/metallb.io/v1beta2/namespaces/default/bgppeers",
];
const WORDS = [
  "metadata",
  "name",
  "namespace",
  "labels",
  "annotations",
  "finalizers",
  "resourceVersion",
  "generateName",
  "ownerReferences",
  "uid",
  "spec",
  "status",
  "ports",
  "port",
  "nodePort",
  "selector",
  "type",
  "clusterIP",
  "clusterIPs",
  "ipFamilies",
  "containers",
  "conditions",
  "loadBalancer",
  "ingress",
  "ip",
  "podIP",
  "podIPs",
  "addresses",
  "endpoints",
  "data",
  "stringData",
  "$patch",
  "$retainKeys",
  "$setElementOrder/ports",
  "$deleteFromPrimitiveList/finalizers",
  "op",
  "path",
  "value",
  "constructor",
  "__proto__",
  "toString",
  "kind",
  "apiVersion",
];
const TEXTS = [
  "a",
  "web",
  "LoadBalancer",
  "replace",
  "delete",
  "/metadata/labels",
  "/spec/ports/0",
  "192.0.2.1",
  "None",
  "",
  "add",
  "é\u0000",
  "v1",
  "-1",
  "true",
];
const QUERIES = [
  "",
  "?watch=true&timeoutSeconds=1",
  "?dryRun=All",
  "?labelSelector=a%3Db",
  "?labelSelector=((",
  "?limit=1",
  "?fieldSelector=metadata.name%3Da",
  "?continue=%00",
  "?resourceVersion=3",
  "?fieldValidation=Strict",
  "?resourceVersion=1&resourceVersionMatch=Exact",
];

const GOOD: readonly Record<string, unknown>[] = [
  {
    spec: {
      type: "LoadBalancer",
      selector: { app: "web" },
      ports: [{ port: 80, protocol: "TCP", targetPort: "http" }],
    },
  },
  { status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } },
  {
    spec: {
      nodeName: "n1",
      containers: [{ name: "main", image: "web", ports: [{ name: "http", containerPort: 8080 }] }],
    },
  },
  { status: { phase: "Running", podIP: "10.1.0.1", conditions: [{ type: "Ready", status: "True" }] } },
  { data: { a: "Yg==" } },
  {
    spec: {
      addresses: ["192.0.2.0/24"],
      serviceAllocation: { priority: 1, namespaceSelectors: [{ matchLabels: { a: "b" } }] },
    },
  },
  { spec: { myASN: 1, nodeSelectors: [{}] } },
  { addressType: "IPv4", endpoints: [{ addresses: ["192.0.2.7"] }], ports: [{ port: 80 }] },
  { involvedObject: { namespace: "default" }, message: "text" },
  {},
];

class Source {
  readonly #rng: SeededRng;

  constructor(seed: number) {
    this.#rng = new SeededRng(seed);
  }

  pick<T>(items: readonly T[]): T {
    return items[below(this.#rng, items.length)]!;
  }

  number(bound: number): number {
    return below(this.#rng, bound);
  }

  value(depth: number): unknown {
    switch (this.number(depth > 4 ? 5 : 8)) {
      case 0:
        return null;
      case 1:
        return this.number(70_000) - 5;
      case 2:
        return this.number(2) === 0;
      case 3:
      case 4:
        return this.pick(TEXTS);
      case 5:
        return Array.from({ length: this.number(4) }, () => this.value(depth + 1));
      default:
        return Object.fromEntries(
          Array.from({ length: this.number(5) }, () => [this.pick(WORDS), this.value(depth + 1)]),
        );
    }
  }

  /** A good object with something put into it somewhere, a patch, or anything. */
  body(): unknown {
    const kind = this.number(10);
    if (kind === 0) return this.value(0);
    if (kind === 1) {
      return [{
        op: this.pick(["add", "remove", "replace", "test", "move"]),
        path: this.pick(TEXTS),
        value: this.value(1),
      }];
    }
    const metadata = { name: this.pick(["a", "web", "b"]) };
    const good = { metadata, ...structuredClone(this.pick(GOOD)) };
    return this.number(3) === 0 ? good : this.spoil(good, 0);
  }

  spoil(value: unknown, depth: number): unknown {
    if (typeof value !== "object" || value === null || this.number(4) < depth) return this.value(1);
    const parts = value as Record<string, unknown>;
    const keys = Object.keys(parts);
    const key = this.number(4) === 0 || keys.length === 0 ? this.pick(WORDS) : this.pick(keys);
    // Defined, not assigned: `__proto__` is one of the words.
    Object.defineProperty(parts, key, {
      value: this.spoil(Object.hasOwn(parts, key) ? parts[key] : null, depth + 1),
      enumerable: true,
      configurable: true,
      writable: true,
    });
    return parts;
  }
}

Deno.test("Random requests: always an answer, never a 500, and no change without a version of its own", async () => {
  const seed = 4711;
  const source = new Source(seed);
  const stage = new EmbeddedStage({ eventsMax: 100 });
  await stage.post("/api/v1/namespaces", { metadata: { name: "shop" } });
  const counts = new Map<number, number>();
  for (let round = 0; round < 8_000; round++) {
    const method = source.pick(METHODS);
    const suffix = method === "POST" && source.number(8) > 0
      ? ""
      : source.pick(["", "/a", "/web", "/b", "/a/status", "/web/status", "/b/status", "/a/binding", "/%00", "/.."]);
    const query = source.pick(QUERIES);
    const path = source.pick(COLLECTIONS) + suffix + query;
    const body = method === "GET" || method === "OPTIONS" ? undefined : source.body();
    const type = method === "POST" || method === "PUT" ? JSON_TYPE : source.pick(TYPES);
    const before = stage.api.resourceVersion;
    const why = () => `seed ${seed}, round ${round}: ${method} ${path} ${type} ${JSON.stringify(body)}`;
    const headers = new Headers({ "content-type": source.number(20) === 0 ? source.pick(TYPES) : type });
    const request = new Request(`http://api${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await stage.api.fetch(request);
    if (query.startsWith("?watch") && method === "GET" && answer.status === 200 && suffix === "") stage.advance(1_000);
    const text = await answer.text();
    assertEquals(answer.status < 500 || answer.status === 504, true, `${why()} gave ${text}`);
    if (answer.status >= 400) {
      assertEquals([JSON.parse(text).kind, stage.api.resourceVersion], ["Status", before], why());
    }
    counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
  }
  assertEquals(
    (counts.get(201) ?? 0) > 50 && (counts.get(200) ?? 0) > 500,
    true,
    `the mix is too thin: ${JSON.stringify([...counts])}`,
  );
  assertEquals(({} as Record<string, unknown>).metadata, undefined);
  assertEquals(stage.api.watchCount, 0);
});

Deno.test("Random requests: a watch from the start, replayed, gives the list at the end", async () => {
  const seed = 815;
  const source = new Source(seed);
  const stage = new EmbeddedStage();
  const collections = [SERVICES, PODS, CONFIG_MAPS, SLICES];
  const watches = await Promise.all(
    collections.map((path) => stage.api.fetch(new Request(`http://api${path}?watch=true`))),
  );
  for (let round = 0; round < 1_500; round++) {
    const name = source.pick(["a", "web", "b", "c"]);
    const metadata = { name, labels: { app: source.pick(["web", "db"]) } };
    const ready = [{ type: "Ready", status: source.pick(["True", "False"]) }];
    const status = { phase: "Running", podIP: `10.1.0.${source.number(3)}`, conditions: ready };
    switch (source.number(6)) {
      case 0:
        await stage.post(SERVICES, {
          metadata,
          spec: { selector: { app: source.pick(["web", "db"]) }, ports: [{ port: 80 }] },
        });
        break;
      case 1:
        await stage.post(PODS, { metadata, spec: { containers: [{ name: "main", image: "web" }] } });
        break;
      case 2:
        await stage.patch(`${PODS}/${name}/status`, { status });
        break;
      case 3:
        await stage.patch(`${PODS}/${name}`, { metadata });
        break;
      case 4:
        await stage.post(CONFIG_MAPS, { metadata });
        break;
      default:
        await stage.delete(`${source.pick(collections)}/${name}`);
    }
  }
  stage.api.close();
  for (const [index, watch] of watches.entries()) {
    const objects = new Map<string, Answered>();
    let last = 0;
    for (const line of (await watch.text()).trimEnd().split("\n")) {
      const { type, object } = JSON.parse(line);
      const version = Number(object.metadata.resourceVersion);
      assertEquals(version > last, true, `seed ${seed}: versions rise`);
      last = version;
      assertEquals(
        objects.has(object.metadata.name),
        type !== "ADDED",
        `seed ${seed}: ${type} ${object.metadata.name}`,
      );
      if (type === "DELETED") objects.delete(object.metadata.name);
      else objects.set(object.metadata.name, object);
    }
    const list = (await stage.get(collections[index]!)).body.items;
    const replayed = [...objects.values()].map(({ kind: _kind, apiVersion: _apiVersion, ...rest }) => rest)
      .sort((a, b) => a.metadata.name < b.metadata.name ? -1 : 1);
    assertEquals(replayed, list, `seed ${seed}`);
  }
});
