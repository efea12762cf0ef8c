/**
 * Who may announce an address, in MetalLB's order (reference §6.4): preference score descending, then the SHA-256 of
 * `<node>#<address>` ascending by bytes. Every speaker computes the same list; liveness comes in later.
 */
import { createHash } from "node:crypto";
import { sameTexts } from "../../base/text_list.ts";
import { compareText, type L2Advertisement } from "../config/config.ts";
import type { NodeView } from "../config/node_view.ts";
import { anySelectorMatches, selectorMatches } from "../config/selector.ts";

/** Closed set: why a node is not among the candidates. */
export type ExclusionReason =
  | "networkUnavailable"
  /** It carries the label `node.kubernetes.io/exclude-from-external-load-balancers`. */
  | "excludedByLabel"
  /** No advertisement of the address selects it. */
  | "nodeSelectors"
  /** `externalTrafficPolicy: Local`, and no endpoint on it can serve. */
  | "noLocalEndpoint"
  /** No speaker lives there; a question of the moment, which a plan never answers. */
  | "noSpeaker"
  /** It stands back, as its own speaker says now: it has none of the interfaces, none with a link or with IPv6, or a
   * silent segment. */
  | StandBack;

/** Closed set: why a living candidate leaves an address to the next one. */
export type StandBack = "noInterface" | "noCarrier" | "noIpv6" | "linkProbeFailed";

export interface Exclusion {
  readonly node: string;
  readonly reason: ExclusionReason;
  readonly message: string;
}

export interface Candidates {
  /** The preferred one first. */
  readonly candidates: readonly string[];
  /** By node name. */
  readonly excluded: readonly Exclusion[];
  /** Sums of the preference weights of candidates that match some; the others have 0. */
  readonly preferences: ReadonlyMap<string, number>;
}

const NO_PREFERENCES: ReadonlyMap<string, number> = new Map();

/** Nodes with what does not depend on the Service worked out once; made anew when nodes or configuration change. */
export class NodeTable {
  /** By name. */
  readonly nodes: readonly NodeView[];
  readonly #scores = new Map<L2Advertisement, ReadonlyMap<string, number>>();

  constructor(nodes: Iterable<NodeView>) {
    this.nodes = [...nodes].sort((a, b) => compareText(a.name, b.name));
  }

  /** Nodes that an advertisement selects, each with the sum of the preference weights that it matches. */
  scores(advertisement: L2Advertisement): ReadonlyMap<string, number> {
    let scores = this.#scores.get(advertisement);
    if (scores === undefined) {
      scores = scoresOf(advertisement, this.nodes);
      this.#scores.set(advertisement, scores);
    }
    return scores;
  }
}

/** Orders node names for one address, and remembers the hashes: they change only when a node comes or goes. */
export class HashOrder {
  readonly #orders = new Map<string, readonly string[]>();
  readonly #sizeMax: number;
  #names: readonly string[] = [];

  constructor(options: { addressesMax: number } = { addressesMax: 1 << 16 }) {
    this.#sizeMax = options.addressesMax;
  }

  /** Position of each of `names` (sorted) in the order of `address`, a canonical text. */
  order(address: string, names: readonly string[]): readonly string[] {
    if (!sameTexts(names, this.#names)) {
      this.#orders.clear();
      this.#names = names;
    }
    let order = this.#orders.get(address);
    if (order === undefined) {
      if (this.#orders.size >= this.#sizeMax) this.#orders.clear();
      order = hashOrder(address, names);
      this.#orders.set(address, order);
    }
    return order;
  }
}

/** `names` by the SHA-256 of `<name>#<address>`; hexadecimal text sorts as its bytes do. */
export function hashOrder(address: string, names: readonly string[]): string[] {
  return names
    .map((name) => ({ name, hash: createHash("sha256").update(`${name}#${address}`).digest("hex") }))
    .sort((a, b) => compareText(a.hash, b.hash) || compareText(a.name, b.name))
    .map(({ name }) => name);
}

/** `address` is the first address of the Service, which the order of all its addresses hangs on. */
export function findCandidates(address: string, options: {
  table: NodeTable;
  hashOrder: HashOrder;
  /** Those that match the Service; at least one. */
  advertisements: readonly L2Advertisement[];
  /** With `externalTrafficPolicy: Local`: the nodes where the Service can be served. */
  localNodes: ReadonlySet<string> | undefined;
  ignoreExcludeLabel: boolean;
}): Candidates {
  const { table, advertisements } = options;
  const excluded: Exclusion[] = [];
  const scores = new Map<string, number>();
  for (const node of table.nodes) {
    const exclusion = exclusionOf(node, options);
    if (exclusion !== undefined) {
      excluded.push({ node: node.name, ...exclusion });
      continue;
    }
    let score = 0;
    for (const advertisement of advertisements) score += table.scores(advertisement).get(node.name) ?? 0;
    scores.set(node.name, score);
  }
  const names = table.nodes.map(({ name }) => name);
  const order = options.hashOrder.order(address, names);
  const isPlain = excluded.length === 0 && [...scores.values()].every((score) => score === 0);
  // The order itself as a rule: on many nodes it is the largest part of what is kept of an address. The sort is stable:
  // among equal scores the order of the hashes stays.
  const candidates = isPlain
    ? order
    : order.filter((name) => scores.has(name)).sort((a, b) => scores.get(b)! - scores.get(a)!);
  const preferred = candidates.filter((name) => scores.get(name)! > 0);
  const preferences = new Map(preferred.map((name) => [name, scores.get(name)!]));
  return { candidates, excluded, preferences: preferences.size === 0 ? NO_PREFERENCES : preferences };
}

function exclusionOf(
  node: NodeView,
  options: Parameters<typeof findCandidates>[1],
): Pick<Exclusion, "reason" | "message"> | undefined {
  if (node.networkUnavailable) {
    return { reason: "networkUnavailable", message: "the node's condition NetworkUnavailable is True" };
  }
  if (node.excluded && !options.ignoreExcludeLabel) {
    const message = "the node has the label node.kubernetes.io/exclude-from-external-load-balancers";
    return { reason: "excludedByLabel", message };
  }
  if (!options.advertisements.some((advertisement) => options.table.scores(advertisement).has(node.name))) {
    const names = options.advertisements.map(({ name }) => name).join(", ");
    return { reason: "nodeSelectors", message: `the nodeSelectors of ${names} do not select the node` };
  }
  if (options.localNodes !== undefined && !options.localNodes.has(node.name)) {
    const message = "externalTrafficPolicy is Local and no endpoint on the node can serve";
    return { reason: "noLocalEndpoint", message };
  }
  return undefined;
}

function scoresOf(advertisement: L2Advertisement, nodes: readonly NodeView[]): ReadonlyMap<string, number> {
  const scores = new Map<string, number>();
  const { nodeSelectors, preferredNodes } = advertisement;
  for (const { name, labels } of nodes) {
    if (nodeSelectors.length > 0 && !anySelectorMatches(nodeSelectors, labels)) continue;
    let score = 0;
    for (const { weight, preference } of preferredNodes) if (selectorMatches(preference, labels)) score += weight;
    scores.set(name, score);
  }
  return scores;
}
