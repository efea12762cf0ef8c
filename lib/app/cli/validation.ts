/**
 * Everything that is wrong with the objects of some files, in one pass and in the order of the files: what the API
 * server would refuse (schema_findings.ts) and what Herald's configuration code says (resolveConfig), each once.
 *
 * The files are taken as a whole world: what they do not hold is not there. Only Secrets, Nodes and Namespaces are, when
 * none is given, not known instead of absent, because nobody keeps them beside the pools.
 */
import { isRecord, type JsonObject } from "../../base/json.ts";
import type { KubeObject } from "../../base/kube.ts";
import type { Config } from "../../decision/config/config.ts";
import { nearestName } from "../../decision/config/nearest_name.ts";
import { resolveConfig } from "../../decision/config/resolve.ts";
import type { SourceObject, YamlProblem } from "../yaml.ts";
import { parsePath } from "../yaml.ts";
import type { Finding, ValidationReason } from "./finding.ts";
import { fileArgument } from "./input.ts";
import { isLegacyConfigMap } from "./legacy_config_map.ts";
import { DEFAULT_NAMESPACE } from "./namespaces.ts";
import { METALLB_GROUP, SchemaChecker } from "./schema_findings.ts";
import { serviceFindings } from "./service_findings.ts";

export interface Validation {
  readonly findings: readonly Finding[];
  /** Objects that were checked. */
  readonly checked: number;
  /** Objects of kinds that Herald does not read, by kind. */
  readonly skipped: ReadonlyMap<string, number>;
  readonly errors: number;
  readonly warnings: number;
  /** What of the configuration holds. */
  readonly config: Config;
}

export interface ValidationInput {
  readonly objects: readonly SourceObject[];
  readonly problems: readonly YamlProblem[];
  /** Files in the order in which they were given. */
  readonly sources: readonly string[];
}

/** Kinds that are read for what they say about others, and not checked themselves. */
const CONTEXT_KINDS: ReadonlySet<string> = new Set([
  "v1 Node",
  "v1 Namespace",
  "v1 Secret",
  "discovery.k8s.io/v1 EndpointSlice",
]);

/** An empty namespace means: the one that all objects are in, or else `metallb-system`. */
export function validateObjects(input: ValidationInput, options: { readonly namespace: string }): Validation {
  const namespace = options.namespace || commonNamespace(input.objects) || DEFAULT_NAMESPACE;
  return new ObjectsValidation(input, namespace).result();
}

function commonNamespace(objects: readonly SourceObject[]): string | undefined {
  const found = new Set<string>();
  for (const { object } of objects) {
    if (groupOf(object) === METALLB_GROUP && object.metadata.namespace) found.add(object.metadata.namespace);
  }
  return found.size === 1 ? [...found][0] : undefined;
}

function groupOf(object: KubeObject): string {
  const [group, version] = (object.apiVersion ?? "").split("/");
  return version === undefined ? "" : group!;
}

class ObjectsValidation {
  readonly #namespace: string;
  readonly #schemas = new SchemaChecker();
  readonly #entries: Entry[] = [];
  readonly #skipped = new Map<string, number>();
  /** Objects for the configuration, by kind. */
  readonly #byKind = new Map<string, SourceObject[]>();
  /** Files in the order in which they were given. */
  readonly #order = new Map<string, number>();
  readonly #numbers = new Map<SourceObject, number>();
  #checked = 0;

  readonly #input: ValidationInput;

  constructor(input: ValidationInput, namespace: string) {
    this.#namespace = namespace;
    this.#input = input;
  }

  result(): Validation {
    for (const [index, source] of this.#input.sources.entries()) this.#order.set(source, index);
    for (const { document: _document, ...problem } of this.#input.problems) {
      this.#entries.push({ finding: { severity: "error", ...problem }, origin: "text", object: -1 });
    }
    for (const [index, object] of this.#input.objects.entries()) {
      this.#numbers.set(object, index);
      this.#sort(object);
    }
    const config = this.#resolve();
    const findings = this.#inOrder();
    const errors = findings.filter(({ severity }) => severity === "error").length;
    return {
      findings,
      checked: this.#checked,
      skipped: this.#skipped,
      errors,
      warnings: findings.length - errors,
      config,
    };
  }

  #sort(source: SourceObject): void {
    const { object } = source;
    const kind = object.kind ?? "";
    if (groupOf(object) === METALLB_GROUP || this.#schemas.metallbKinds.includes(kind)) return this.#metallb(source);
    const name = `${object.apiVersion} ${kind}`;
    if (name === "v1 Service") {
      this.#checked++;
      this.#schema(source);
      this.#keep(kind, source);
    } else if (CONTEXT_KINDS.has(name)) {
      this.#checked++;
      this.#keep(kind, source);
    } else if (name === "v1 ConfigMap" && isLegacyConfigMap(object)) {
      this.#checked++;
      const message = "this is the configuration of MetalLB 0.12 and older, which nothing reads any more; " +
        `herald migrate -f ${fileArgument(source.source)} prints today's objects`;
      this.#add(source, { path: "data.config", reason: "legacyConfigMap", message });
    } else this.#skipped.set(kind, (this.#skipped.get(kind) ?? 0) + 1);
  }

  #metallb(source: SourceObject): void {
    const { object } = source;
    const kind = object.kind ?? "";
    this.#checked++;
    if (kind === "AddressPool") {
      const message = "AddressPool is not a kind any more; use an IPAddressPool with the same addresses and " +
        "an L2Advertisement or a BGPAdvertisement that names it";
      return this.#add(source, { path: "kind", reason: "removedKind", message });
    }
    const versions = this.#schemas.versionsOf(kind);
    if (versions.length === 0) {
      const nearest = nearestName(kind, this.#schemas.metallbKinds);
      const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
      const message = `${METALLB_GROUP} has no kind ${JSON.stringify(kind.slice(0, 253))}${hint}`;
      return this.#add(source, { path: "kind", reason: "unknownKind", message });
    }
    if (!versions.some((version) => `${METALLB_GROUP}/${version}` === object.apiVersion)) {
      const right = versions.map((version) => `${METALLB_GROUP}/${version}`).join(" or ");
      const message = `${JSON.stringify(String(object.apiVersion).slice(0, 253))} has no ${kind}; it must be ${right}`;
      return this.#add(source, { path: "apiVersion", reason: "unknownVersion", message });
    }
    this.#schema(source);
    const own = object.metadata.namespace || this.#namespace;
    if (own !== this.#namespace) {
      const message = `only objects of namespace ${JSON.stringify(this.#namespace)} are read; this one has no effect`;
      return this.#add(source, { severity: "warning", path: "metadata.namespace", reason: "otherNamespace", message });
    }
    this.#keep(kind, source);
  }

  #schema(source: SourceObject): void {
    for (const finding of this.#schemas.check(source.object as unknown as JsonObject) ?? []) {
      this.#add(source, { ...finding, origin: "schema" });
    }
  }

  #keep(kind: string, source: SourceObject): void {
    const list = this.#byKind.get(kind);
    if (list === undefined) this.#byKind.set(kind, [source]);
    else list.push(source);
  }

  #resolve(): Config {
    const sources = (kind: string) => this.#byKind.get(kind) ?? [];
    const objects = (kind: string) => sources(kind).map(({ object }) => this.#placed(object));
    const ifGiven = (kind: string) => sources(kind).length === 0 ? undefined : objects(kind);
    const bgpPeers = objects("BGPPeer");
    const { config, problems } = resolveConfig({
      ipAddressPools: objects("IPAddressPool"),
      l2Advertisements: objects("L2Advertisement"),
      bgpAdvertisements: objects("BGPAdvertisement"),
      bgpPeers,
      bfdProfiles: objects("BFDProfile"),
      communities: objects("Community"),
      ...optional("secrets", this.#secretsIfComplete(bgpPeers)),
      ...optional("nodes", ifGiven("Node")),
      ...optional("namespaces", ifGiven("Namespace")),
    });
    for (const { kind, name, metallbText: _theirs, ...problem } of problems) {
      const same = sources(kind).filter(({ object }) => object.metadata.name === name);
      // Of two with one name it is the second that is refused.
      const source = problem.reason === "duplicateName" ? same.at(-1) : same[0];
      if (source !== undefined) this.#add(source, problem);
    }
    const pools = sources("IPAddressPool").length > 0;
    for (const source of sources("Service")) {
      for (const finding of serviceFindings(source.object, { config, poolsKnown: pools })) this.#add(source, finding);
    }
    return config;
  }

  /** Without all that the peers name, Secrets are taken as made elsewhere. */
  #secretsIfComplete(peers: readonly unknown[]): readonly unknown[] | undefined {
    const secrets = (this.#byKind.get("Secret") ?? []).map(({ object }) => this.#placed(object));
    const names = new Set(secrets.map(({ metadata }) => metadata.name));
    const wanted = peers.flatMap((peer) => {
      const spec = isRecord(peer) && isRecord(peer["spec"]) ? peer["spec"] : {};
      const reference = isRecord(spec["passwordSecret"]) ? spec["passwordSecret"] : {};
      return typeof reference["name"] === "string" && reference["name"] !== "" ? [reference["name"]] : [];
    });
    return wanted.every((name) => names.has(name)) ? secrets : undefined;
  }

  /** An object without a namespace is created in the one that is meant. */
  #placed(object: KubeObject): KubeObject {
    if (object.metadata.namespace) return object;
    return { ...object, metadata: { ...object.metadata, namespace: this.#namespace } };
  }

  #add(
    source: SourceObject,
    finding: {
      readonly severity?: "error" | "warning";
      readonly path: string;
      readonly reason: ValidationReason;
      readonly message: string;
      readonly origin?: "schema" | "config";
    },
  ): void {
    const { object } = source;
    const { name, namespace } = object.metadata;
    const metallb = groupOf(object) === METALLB_GROUP;
    const shown = typeof namespace === "string" && namespace !== "" ? namespace.slice(0, 253) : "";
    this.#entries.push({
      origin: finding.origin ?? "config",
      object: this.#numbers.get(source)!,
      finding: {
        severity: finding.severity ?? "error",
        kind: (object.kind ?? "").slice(0, 253),
        namespace: shown === "" && metallb ? this.#namespace : shown,
        name: name.slice(0, 253),
        path: finding.path,
        reason: finding.reason,
        message: finding.message,
        source: source.source,
        line: source.lineOf(finding.path),
      },
    });
  }

  /** By file, line and order of discovery. What the schema and the configuration both say is said once, by the latter. */
  #inOrder(): Finding[] {
    const said = new Set<string>();
    for (const { finding, object, origin } of this.#entries) {
      if (origin === "config" && finding.severity === "error") said.add(placeKey(object, finding));
    }
    const seen = new Set<string>();
    const kept = this.#entries.filter(({ finding, object, origin }) => {
      if (origin === "schema" && finding.severity === "error" && said.has(placeKey(object, finding))) return false;
      const key = JSON.stringify([placeKey(object, finding), finding.line, finding.reason, finding.message]);
      return !seen.has(key) && seen.add(key);
    });
    const order = (finding: Finding) => this.#order.get(finding.source) ?? 0;
    return kept.map(({ finding }, index) => ({ finding, index })).sort((a, b) =>
      order(a.finding) - order(b.finding) || a.finding.line - b.finding.line || a.index - b.index
    ).map(({ finding }) => finding);
  }
}

interface Entry {
  readonly finding: Finding;
  readonly origin: "text" | "schema" | "config";
  /** Number of the object in the input. */
  readonly object: number;
}

function placeKey(object: number, { source, path }: Finding): string {
  return JSON.stringify([source, object, parsePath(path)]);
}

function optional<Key extends string, T>(key: Key, value: T | undefined): { readonly [K in Key]?: T } {
  return value === undefined ? {} : { [key]: value } as { readonly [K in Key]: T };
}
