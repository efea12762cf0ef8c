/**
 * The configuration of MetalLB 0.12 and older (the ConfigMap `config`, reference §10.1) as today's objects, by the
 * mapping of reference §10.2.
 *
 * Nothing is dropped in silence: what cannot be mapped is an error with its path in the old words, what is mapped but
 * deserves a look is a warning. What the result means is not judged here; resolveConfig does that.
 */
import { compareText } from "./config.ts";
import { parseGoDuration } from "./go_duration.ts";
import { formatGoDuration } from "./legacy_duration.ts";
import { LegacyFields, type LegacyProblem, LegacyProblems } from "./legacy_fields.ts";
import { LegacyNames } from "./legacy_names.ts";

/** A plain object, ready to be written as YAML or JSON. */
export interface MigratedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly [member: string]: unknown;
}

export interface MigratedConfig {
  /** BGPPeers (with their Secrets before them), pools, advertisements, BFD profiles, communities. */
  readonly objects: readonly MigratedObject[];
  readonly problems: readonly LegacyProblem[];
}

export interface MigrateOptions {
  readonly namespace: string;
  /** Makes a Secret of each password, which else stands in the BGPPeer as it stood in the ConfigMap. */
  readonly passwordsToSecrets?: boolean;
}

const ROOT_KEYS = ["peers", "address-pools", "bgp-communities", "bfd-profiles"];
const PEER_KEYS = [
  "my-asn",
  "peer-asn",
  "peer-address",
  "source-address",
  "peer-port",
  "hold-time",
  "keepalive-time",
  "router-id",
  "node-selectors",
  "password",
  "bfd-profile",
  "ebgp-multihop",
];
const POOL_KEYS = ["name", "protocol", "addresses", "auto-assign", "avoid-buggy-ips", "bgp-advertisements"];
const ADVERTISEMENT_KEYS = ["aggregation-length", "aggregation-length-v6", "localpref", "communities"];
const BFD_KEYS = [
  "name",
  "receive-interval",
  "transmit-interval",
  "detect-multiplier",
  "echo-interval",
  "echo-mode",
  "passive-mode",
  "minimum-ttl",
];

const UINT32_MAX = 4294967295;
/** Port 0 was the default one; today's schema ends at 16384. */
const PORT_MAX = 16384;
const HOLD_TIME_DEFAULT = "1m30s";

/** `value` is what the YAML under `data.config` says. Never throws. */
export function migrateLegacyConfig(value: unknown, options: MigrateOptions): MigratedConfig {
  return new Migration(value, options).result();
}

class Migration {
  readonly #root: LegacyFields;
  readonly #options: MigrateOptions;
  readonly #problems = new LegacyProblems();
  readonly #poolNames: LegacyNames;
  readonly #bfdNames: LegacyNames;

  constructor(value: unknown, options: MigrateOptions) {
    this.#options = options;
    this.#root = new LegacyFields(value, { path: [], problems: this.#problems });
    this.#poolNames = this.#names("address pool", "address-pools");
    this.#bfdNames = this.#names("BFD profile", "bfd-profiles");
  }

  result(): MigratedConfig {
    this.#root.refuseOthers([...ROOT_KEYS, AUTODISCOVERY]);
    if (this.#root.has(AUTODISCOVERY)) {
      const message = "peers found by node annotations or labels have no counterpart; write one BGPPeer with " +
        "nodeSelectors for each router";
      this.#problems.error([AUTODISCOVERY], { reason: "notSupported", message });
    }
    // Names first: peers refer to profiles.
    const profiles = this.#each("bfd-profiles", (fields) => this.#bfdProfile(fields));
    const peers = this.#each("peers", (fields, index) => this.#peer(fields, index));
    const pools = this.#each("address-pools", (fields) => this.#pool(fields));
    const byKind = (kind: string) => pools.filter((object) => object.kind === kind);
    const objects = [
      ...peers,
      ...byKind("IPAddressPool"),
      ...byKind("BGPAdvertisement"),
      ...byKind("L2Advertisement"),
      ...profiles,
      ...this.#communities(),
    ];
    return { objects, problems: this.#problems.all() };
  }

  #bgpAdvertisements = 0;
  #l2Advertisements = 0;

  #each(
    key: string,
    convert: (fields: LegacyFields, index: number) => readonly MigratedObject[],
  ): MigratedObject[] {
    return this.#root.list(key).flatMap((item, index) => {
      const path = [key, index];
      if (item === null) {
        this.#problems.error(path, { reason: "notAnObject", message: "it is empty" });
        return [];
      }
      return convert(new LegacyFields(item, { path, problems: this.#problems }), index);
    });
  }

  #names(kind: string, key: string): LegacyNames {
    const list = this.#root.raw(key);
    const reserved = (Array.isArray(list) ? list : []).flatMap((item) => {
      const name = typeof item === "object" && item !== null ? (item as Record<string, unknown>)["name"] : undefined;
      return typeof name === "string" ? [name] : [];
    });
    return new LegacyNames({ kind, reserved }, { problems: this.#problems });
  }

  #object(
    kind: string,
    parts: { readonly name: string; readonly spec: unknown; readonly version?: string },
  ): MigratedObject {
    const { name, spec, version = "v1beta1" } = parts;
    const metadata = { name, namespace: this.#options.namespace };
    return { apiVersion: `metallb.io/${version}`, kind, metadata, spec };
  }

  #peer(fields: LegacyFields, index: number): MigratedObject[] {
    fields.refuseOthers([...PEER_KEYS, MISSPELLED_BFD]);
    const name = `peer${index + 1}`;
    const port = fields.whole("peer-port", { min: 0, max: PORT_MAX });
    const password = fields.text("password") || undefined;
    const multiHop = fields.flag("ebgp-multihop");
    const secret = password === undefined || this.#options.passwordsToSecrets !== true
      ? undefined
      : { name: `${name}-password` };
    if (password !== undefined && secret === undefined) {
      const message = "the password stands readable in the BGPPeer, as it did in the ConfigMap; " +
        "--passwords-to-secrets makes a Secret of it";
      this.#problems.warning(fields.at("password"), { reason: "plainPassword", message });
    }
    const spec = present({
      myASN: fields.whole("my-asn", { min: 0, max: UINT32_MAX, required: true }),
      peerASN: fields.whole("peer-asn", { min: 0, max: UINT32_MAX, required: true }),
      peerAddress: fields.text("peer-address", { required: true }),
      sourceAddress: fields.text("source-address") || undefined,
      peerPort: port === 0 ? undefined : port,
      holdTime: this.#duration(fields, "hold-time") ?? HOLD_TIME_DEFAULT,
      keepaliveTime: this.#duration(fields, "keepalive-time"),
      routerID: fields.text("router-id") || undefined,
      nodeSelectors: this.#nodeSelectors(fields),
      password: secret === undefined ? password : undefined,
      passwordSecret: secret,
      bfdProfile: this.#bfdReference(fields),
      ebgpMultiHop: multiHop === true ? true : undefined,
    });
    const peer = this.#object("BGPPeer", { name, spec, version: "v1beta2" });
    return secret === undefined ? [peer] : [this.#secret(secret.name, password!), peer];
  }

  #secret(name: string, password: string): MigratedObject {
    return {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace: this.#options.namespace },
      type: "kubernetes.io/basic-auth",
      stringData: { password },
    };
  }

  #duration(fields: LegacyFields, key: string): string | undefined {
    const text = fields.text(key);
    if (text === undefined || text === "") return undefined;
    const nanoseconds = parseGoDuration(text);
    if (nanoseconds !== undefined) return formatGoDuration(nanoseconds);
    const message = `${JSON.stringify(text.slice(0, 64))} is not a duration such as "90s" or "1m30s"`;
    this.#problems.error(fields.at(key), { reason: "invalidValue", message });
    return undefined;
  }

  /** `bfdProfile` stood in MetalLB's own example and was never read. */
  #bfdReference(fields: LegacyFields): string | undefined {
    const misspelled = fields.has(MISSPELLED_BFD);
    if (misspelled) {
      const both = fields.has("bfd-profile");
      const message = `the key is "bfd-profile"; ${both ? "that one is used" : "this one is taken for it"}`;
      this.#problems.warning(fields.at(MISSPELLED_BFD), { reason: "misspelledKey", message });
    }
    const key = misspelled && !fields.has("bfd-profile") ? MISSPELLED_BFD : "bfd-profile";
    const original = fields.text(key);
    if (original === undefined || original === "") return undefined;
    const name = this.#bfdNames.of(original);
    if (name !== undefined) return name;
    const message = `there is no BFD profile named ${JSON.stringify(original.slice(0, 253))}; it is not in the result`;
    this.#problems.error(fields.at(key), { reason: "invalidValue", message });
    return undefined;
  }

  #nodeSelectors(fields: LegacyFields): unknown[] | undefined {
    const selectors = fields.list("node-selectors").map((item, index) => {
      const path = [...fields.at("node-selectors"), index];
      const selector = new LegacyFields(item, { path, problems: this.#problems });
      selector.refuseOthers(["match-labels", "match-expressions"]);
      const expressions = selector.list("match-expressions").map((expression, number) => {
        const at = [...selector.at("match-expressions"), number];
        const parts = new LegacyFields(expression, { path: at, problems: this.#problems });
        parts.refuseOthers(["key", "operator", "values"]);
        return present({
          key: parts.text("key", { required: true }),
          operator: parts.text("operator", { required: true }),
          values: emptyIsAbsent(parts.texts("values")),
        });
      });
      const labels = selector.textMap("match-labels");
      return present({
        matchLabels: Object.keys(labels).length === 0 ? undefined : labels,
        matchExpressions: emptyIsAbsent(expressions),
      });
    });
    return emptyIsAbsent(selectors);
  }

  #pool(fields: LegacyFields): MigratedObject[] {
    fields.refuseOthers(POOL_KEYS);
    const original = fields.text("name", { required: true });
    const hint = "; Services that ask for this pool by annotation must ask for the new name";
    const name = original === undefined ? undefined : this.#poolNames.take(original, { path: fields.at("name"), hint });
    const protocol = fields.text("protocol", { required: true });
    const avoid = fields.flag("avoid-buggy-ips");
    if (!fields.has("addresses")) {
      this.#problems.error(fields.at("addresses"), {
        reason: "missingField",
        message: "it is missing; it must be a list of ranges",
      });
    }
    const spec = present({
      addresses: fields.texts("addresses"),
      autoAssign: fields.flag("auto-assign"),
      avoidBuggyIPs: avoid === true ? true : undefined,
    });
    const given = fields.list("bgp-advertisements").map((item, index) => {
      const path = [...fields.at("bgp-advertisements"), index];
      return new LegacyFields(item, { path, problems: this.#problems });
    });
    if (name === undefined) return [];
    return [this.#object("IPAddressPool", { name, spec }), ...this.#advertisements(name, { protocol, given, fields })];
  }

  #advertisements(
    pool: string,
    { protocol, given, fields }: {
      protocol: string | undefined;
      given: readonly LegacyFields[];
      fields: LegacyFields;
    },
  ): MigratedObject[] {
    const ipAddressPools = [pool];
    if (protocol === "bgp") {
      const specs = given.length === 0 ? [{}] : given.map((each) => this.#bgpSpec(each));
      return specs.map((spec) =>
        this.#object("BGPAdvertisement", {
          name: `bgpadvertisement${++this.#bgpAdvertisements}`,
          spec: { ...spec, ipAddressPools },
        })
      );
    }
    if (given.length > 0) {
      const message = "only a pool of protocol bgp has these; they are not in the result";
      this.#problems.error(fields.at("bgp-advertisements"), { reason: "notSupported", message });
    }
    if (protocol === "layer2") {
      return [
        this.#object("L2Advertisement", {
          name: `l2advertisement${++this.#l2Advertisements}`,
          spec: { ipAddressPools },
        }),
      ];
    }
    if (protocol !== undefined) {
      const quoted = JSON.stringify(protocol.slice(0, 64));
      const message = `${quoted} is not "layer2" or "bgp"; the pool is in the result, an advertisement for it is not`;
      this.#problems.error(fields.at("protocol"), { reason: "invalidValue", message });
    }
    return [];
  }

  #bgpSpec(fields: LegacyFields): Record<string, unknown> {
    fields.refuseOthers(ADVERTISEMENT_KEYS);
    return present({
      aggregationLength: fields.whole("aggregation-length", { min: 1, max: 32 }),
      aggregationLengthV6: fields.whole("aggregation-length-v6", { min: 1, max: 128 }),
      localPref: fields.whole("localpref", { min: 0, max: UINT32_MAX }),
      communities: emptyIsAbsent(fields.texts("communities")),
    });
  }

  #bfdProfile(fields: LegacyFields): MigratedObject[] {
    fields.refuseOthers(BFD_KEYS);
    const original = fields.text("name", { required: true });
    const name = original === undefined
      ? undefined
      : this.#bfdNames.take(original, { path: fields.at("name"), hint: "" });
    const interval = { min: 10, max: 60000 };
    const spec = present({
      receiveInterval: fields.whole("receive-interval", interval),
      transmitInterval: fields.whole("transmit-interval", interval),
      detectMultiplier: fields.whole("detect-multiplier", { min: 2, max: 255 }),
      echoInterval: fields.whole("echo-interval", interval),
      echoMode: fields.flag("echo-mode") ?? false,
      passiveMode: fields.flag("passive-mode") ?? false,
      minimumTtl: fields.whole("minimum-ttl", { min: 1, max: 254 }),
    });
    return name === undefined ? [] : [this.#object("BFDProfile", { name, spec })];
  }

  #communities(): MigratedObject[] {
    const aliases = Object.entries(this.#root.textMap("bgp-communities")).sort(([a], [b]) => compareText(a, b));
    if (aliases.length === 0) return [];
    return [this.#object("Community", {
      name: "communities",
      spec: { communities: aliases.map(([name, value]) => ({ name, value })) },
    })];
  }
}

const AUTODISCOVERY = "peer-autodiscovery";
const MISSPELLED_BFD = "bfdProfile";

/** Without the members that are absent. */
function present(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function emptyIsAbsent<T>(list: T[]): T[] | undefined {
  return list.length === 0 ? undefined : list;
}
