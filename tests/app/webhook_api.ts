/** The three objects that the webhooks' certificate is about, as an API in memory: list, watch and patch, with versions. */
import type { Fetch, KubeObject } from "../../lib/base/kube.ts";
import { FedBody, json, statusAnswer } from "../kube/scripted_fetch.ts";

type Json = Record<string, unknown>;

export const SECRET = "/api/v1/namespaces/ns/secrets/metallb-webhook-cert";
export const CONFIGURATION =
  "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/metallb-webhook-configuration";
export const DEFINITION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/bgppeers.metallb.io";

export class WebhookApi {
  readonly objects = new Map<string, KubeObject>();
  /** What was patched, in order. */
  readonly patches: { readonly path: string; readonly code: number }[] = [];
  /** Refuses patches of paths that are in here. */
  readonly forbidden = new Set<string>();
  readonly #watches = new Set<{ readonly collection: string; readonly body: FedBody }>();
  #version = 1;

  constructor() {
    this.put(SECRET, {});
    const webhooks = ["a", "b"].map((name) => ({ name, clientConfig: { url: "https://x" } }));
    this.put(CONFIGURATION, { webhooks });
    this.put(DEFINITION, { spec: { conversion: { strategy: "Webhook", webhook: { clientConfig: {} } } } });
  }

  put(path: string, members: Json): void {
    const type = this.objects.has(path) ? "MODIFIED" : "ADDED";
    const name = path.split("/").at(-1)!;
    const namespace = path === SECRET ? { namespace: "ns" } : {};
    const { uid = `uid-${this.#version}` } = this.objects.get(path)?.metadata ?? {};
    const object = { ...members, metadata: { name, ...namespace, uid, resourceVersion: String(++this.#version) } };
    this.objects.set(path, object);
    this.#tell(path, type, object);
  }

  remove(path: string): void {
    const object = this.objects.get(path)!;
    this.objects.delete(path);
    const resourceVersion = String(++this.#version);
    this.#tell(path, "DELETED", { ...object, metadata: { ...object.metadata, resourceVersion } });
  }

  /** Decoded from base64. */
  secret(key: string): string {
    const data = this.objects.get(SECRET)?.["data"] as Record<string, string> | undefined;
    return atob(data?.[key] ?? "");
  }

  /** What the API server trusts, decoded: of both webhooks, then of the conversion. */
  trusted(): string[] {
    const { webhooks } = this.objects.get(CONFIGURATION) as unknown as { webhooks: { clientConfig: Json }[] };
    const { spec } = this.objects.get(DEFINITION) as unknown as {
      spec: { conversion: { webhook: { clientConfig: Json } } };
    };
    return [...webhooks, spec.conversion.webhook].map(({ clientConfig }) =>
      atob(String(clientConfig["caBundle"] ?? ""))
    );
  }

  readonly fetch: Fetch = async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (request.method === "PATCH") return this.#patch(pathname, await request.text());
    if (searchParams.get("watch") === "true") {
      const watch = { collection: pathname, body: new FedBody() };
      this.#watches.add(watch);
      const from = Number(searchParams.get("resourceVersion"));
      for (const [path, object] of this.objects) {
        const newer = Number(object.metadata.resourceVersion) > from;
        if (newer && collectionOf(path) === pathname) watch.body.write(line("MODIFIED", object));
      }
      return new Response(watch.body.stream);
    }
    const items = [...this.objects].filter(([path]) => collectionOf(path) === pathname).map(([, object]) => object);
    return json({ metadata: { resourceVersion: String(this.#version) }, items });
  };

  #patch(path: string, text: string): Response {
    const answer = this.#patched(path, JSON.parse(text));
    this.patches.push({ path, code: answer.status });
    return answer;
  }

  #patched(path: string, patch: Json | readonly { op: string; path: string; value: unknown }[]): Response {
    const object = this.objects.get(path);
    if (object === undefined) return statusAnswer(404, "NotFound");
    if (this.forbidden.has(path)) return statusAnswer(403, "Forbidden");
    const next = structuredClone(object) as Json;
    if (Array.isArray(patch)) {
      for (const { op, path, value } of patch) {
        const keys = (path as string).split("/").slice(1);
        const last = keys.pop()!;
        const parent = keys.reduce((at, key) => at[key] as Json, next);
        if (op === "test" && parent[last] !== value) return statusAnswer(422, "Invalid");
        if (op === "add") parent[last] = value;
      }
    } else {
      const version = ((patch as Json)["metadata"] as Json | undefined)?.["resourceVersion"];
      if (version !== undefined && version !== object.metadata.resourceVersion) return statusAnswer(409, "Conflict");
      merge(next, patch as Json);
    }
    this.put(path, next);
    return json(this.objects.get(path));
  }

  #tell(path: string, type: string, object: unknown): void {
    for (const { collection, body } of this.#watches) {
      if (collection === collectionOf(path) && !body.cancelled) body.write(line(type, object));
    }
  }
}

function merge(into: Json, patch: Json): void {
  for (const [key, value] of Object.entries(patch)) {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      merge((into[key] ??= {}) as Json, value as Json);
    } else into[key] = value;
  }
}

function collectionOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function line(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}
