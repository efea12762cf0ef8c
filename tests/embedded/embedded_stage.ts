/** An embedded API with a clock, timers and randomness in the hands of the test, and short ways to talk to it. */
import { parse } from "@std/yaml/parse";
import type { JsonObject } from "../../lib/base/json.ts";
import { type Rng, SeededRng } from "../../lib/base/rng.ts";
import { silentLog } from "../../lib/base/log.ts";
import { EmbeddedApi, type EmbeddedApiOptions } from "../../lib/edge/embedded/embedded_api.ts";
import type { JournalFile } from "../../lib/edge/embedded/journal.ts";
import type { JsonMap } from "../../lib/edge/embedded/json_map.ts";
import bfdProfiles from "../../manifests/crds/bfdprofiles.yaml" with { type: "text" };
import bgpAdvertisements from "../../manifests/crds/bgpadvertisements.yaml" with { type: "text" };
import bgpPeers from "../../manifests/crds/bgppeers.yaml" with { type: "text" };
import communities from "../../manifests/crds/communities.yaml" with { type: "text" };
import configurationStates from "../../manifests/crds/configurationstates.yaml" with { type: "text" };
import ipAddressPools from "../../manifests/crds/ipaddresspools.yaml" with { type: "text" };
import l2Advertisements from "../../manifests/crds/l2advertisements.yaml" with { type: "text" };
import serviceBgpStatuses from "../../manifests/crds/servicebgpstatuses.yaml" with { type: "text" };
import serviceL2Statuses from "../../manifests/crds/servicel2statuses.yaml" with { type: "text" };

export const CRDS: readonly JsonObject[] = [
  bfdProfiles,
  bgpAdvertisements,
  bgpPeers,
  communities,
  configurationStates,
  ipAddressPools,
  l2Advertisements,
  serviceBgpStatuses,
  serviceL2Statuses,
].map((text) => parse(text) as JsonObject);

/** 2026-01-02T03:04:05Z, far from anything that the machine's clock says. */
export const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

export const JSON_TYPE = "application/json";
export const MERGE_PATCH = "application/merge-patch+json";
export const JSON_PATCH = "application/json-patch+json";
export const STRATEGIC_PATCH = "application/strategic-merge-patch+json";

export const SERVICES = "/api/v1/namespaces/default/services";
export const PODS = "/api/v1/namespaces/default/pods";
export const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
export const POOLS = "/apis/metallb.io/v1beta1/namespaces/default/ipaddresspools";
export const SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

// deno-lint-ignore no-explicit-any -- tests read deep into answers
export type Answered = any;

export interface Answer {
  readonly code: number;
  readonly body: Answered;
  readonly headers: Headers;
}

export interface StageOptions extends Partial<EmbeddedApiOptions> {
  readonly seed?: number;
  readonly rng?: Rng;
  readonly journalFile?: JournalFile;
}

export class EmbeddedStage {
  readonly api: EmbeddedApi;
  wallMs = START_MS;
  readonly #timers: { at: number; callback: () => void }[] = [];

  constructor({ seed = 1, rng = new SeededRng(seed), journalFile, ...options }: StageOptions = {}) {
    this.api = new EmbeddedApi({ crds: CRDS, token: "secret", ...options }, {
      clock: { now: () => this.wallMs, wallMs: () => this.wallMs },
      rng,
      log: silentLog,
      schedule: (delayMs, callback) => {
        const timer = { at: this.wallMs + delayMs, callback };
        this.#timers.push(timer);
        return () => {
          const index = this.#timers.indexOf(timer);
          if (index >= 0) this.#timers.splice(index, 1);
        };
      },
      ...(journalFile === undefined ? {} : { journalFile }),
    });
  }

  /** Lets time pass; timers fire in order. */
  advance(ms: number): void {
    const until = this.wallMs + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      this.wallMs = next.at;
      next.callback();
    }
    this.wallMs = until;
  }

  async send(
    method: string,
    path: string,
    options: { body?: unknown; type?: string; accept?: string } = {},
  ): Promise<Answer> {
    const { body, type = JSON_TYPE, accept } = options;
    const headers = new Headers();
    if (body !== undefined) headers.set("content-type", type);
    if (accept !== undefined) headers.set("accept", accept);
    const response = await this.api.fetch(
      new Request(`http://api${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    );
    const text = await response.text();
    const json = response.headers.get("content-type")?.startsWith("application/json") ?? false;
    return { code: response.status, body: json ? JSON.parse(text) : text, headers: response.headers };
  }

  get(path: string, accept?: string): Promise<Answer> {
    return this.send("GET", path, accept === undefined ? {} : { accept });
  }

  post(path: string, body: unknown): Promise<Answer> {
    return this.send("POST", path, { body });
  }

  put(path: string, body: unknown): Promise<Answer> {
    return this.send("PUT", path, { body });
  }

  patch(path: string, body: unknown, type = MERGE_PATCH): Promise<Answer> {
    return this.send("PATCH", path, { body, type });
  }

  delete(path: string, body?: unknown): Promise<Answer> {
    return this.send("DELETE", path, body === undefined ? {} : { body });
  }

  /** Opens a watch. `query` begins with `&` or is empty. */
  async watch(path: string, query = "", accept?: string): Promise<WatchReader> {
    const headers = new Headers(accept === undefined ? {} : { accept });
    const response = await this.api.fetch(new Request(`http://api${path}?watch=true${query}`, { headers }));
    return new WatchReader(response);
  }
}

export interface WatchLine {
  readonly type: string;
  readonly object: Answered;
}

/** Reads a watch line by line. */
class WatchReader {
  readonly code: number;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(response: Response) {
    this.code = response.status;
    this.#reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next event, or `undefined` at the end of the stream. */
  async next(): Promise<WatchLine | undefined> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return JSON.parse(line);
      }
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#rest += value;
    }
  }

  /** `TYPE name` of the next events. */
  async take(count: number): Promise<string[]> {
    const found: string[] = [];
    for (let i = 0; i < count; i++) {
      const event = await this.next();
      found.push(
        event === undefined ? "END" : `${event.type} ${event.object.metadata?.name ?? event.object.code ?? ""}`.trim(),
      );
    }
    return found;
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}

/** A file in memory, with the moments at which a real one could be cut off. */
export class MemoryFile implements JournalFile {
  text: string | undefined;

  constructor(text?: string) {
    this.text = text;
  }

  read(): string | undefined {
    return this.text;
  }

  append(text: string): void {
    this.text = (this.text ?? "") + text;
  }

  replace(chunks: Iterable<string>): void {
    this.text = [...chunks].join("");
  }
}

export function configMap(name: string, more: JsonMap = {}): JsonMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...more };
}

export function service(name: string, spec: JsonMap = {}): JsonMap {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ port: 80 }], ...spec },
  };
}

export function pod(name: string, { labels, spec = {} }: { labels: JsonMap; spec?: JsonMap }): JsonMap {
  const ports = [{ name: "http", containerPort: 8080 }];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels },
    spec: { containers: [{ name: "main", image: "web:1", ports }], ...spec },
  };
}

export function pool(name: string, spec: JsonMap = { addresses: ["192.0.2.0/24"] }): JsonMap {
  return { apiVersion: "metallb.io/v1beta1", kind: "IPAddressPool", metadata: { name }, spec };
}
