/**
 * Answers a person's question: which node announces this address, and why not another, or why none.
 *
 * Not a second decision: it is the packet thread's own rule (`firstLiving`) over the same plan, with liveness, and what
 * the speakers say of their interfaces, as an input.
 */
import { firstLiving } from "../../base/election.ts";
import { shortList } from "../../base/text_list.ts";
import type { WantedAddress } from "../../base/wanted.ts";
import { compareText } from "../config/config.ts";
import { type DecidedPolicy, decidePolicy, DEFAULT_DECIDED_POLICY } from "./address_policy.ts";
import type { Exclusion, ExclusionReason, StandBack } from "./candidates.ts";
import type { L2Plan } from "./l2_plan.ts";
import type { L2Reason, ServiceL2Plan } from "./service_l2_plan.ts";
import { agreedCandidates } from "./shared_address.ts";

export interface AddressExplanation {
  readonly address: string;
  /** `null` when no candidate lives. */
  readonly announcer: string | null;
  /** Those of the announcer; without one, those of all candidates. */
  readonly interfaces: "all" | readonly string[];
  /** Those that live and can serve, in order: the first announces, the next takes over. */
  readonly candidates: readonly string[];
  /** By node name, those without a living speaker and those that stand back included. */
  readonly excluded: readonly NodeExclusion[];
  /** All nodes that may announce it, in order, with what put them there. */
  readonly order: readonly OrderedNode[];
  readonly policy: DecidedPolicy;
  /** Sentences about what is not as its owner may think; each with a reason of its own. */
  readonly warnings: readonly AddressWarning[];
}

export interface OrderedNode {
  readonly node: string;
  /** Sum of the weights of the preferences that it matches; among equals the order is that of the hashes. */
  readonly preference: number;
}

export interface AddressWarning {
  readonly reason:
    /** Services that share the address can be served from no common node. */
    | "sharersDisagree"
    /** A failback policy keeps the address where it is, though another node comes first. */
    | "kept"
    /** No living candidate reaches the addresses of `herald.dev/link-probe`: then nobody stands back for that. */
    | "noLinkProbeAnswers"
    /** Another node than it should be has said last that it announces the address. */
    | "statusDiffers"
    /** A living member is not Herald: what would change MetalLB's order is off. */
    | "notAllHerald";
  readonly message: string;
}

export interface NodeExclusion {
  /** {@linkcode EVERY_NODE} for a reason that no node can change, where no nodes are known. */
  readonly node: string;
  readonly reason: ExclusionReason | L2Reason;
  readonly message: string;
}

const EVERY_NODE = "*";

export interface Layer2Explanation {
  readonly addresses: readonly AddressExplanation[];
  /** Why the Service is announced nowhere; `undefined` when it has an address that may be announced. */
  readonly reason: L2Reason | undefined;
  readonly message: string;
}

export interface ExplainOptions {
  readonly plan: L2Plan;
  readonly isLiving: (node: string) => boolean;
  /** Why a living candidate leaves the address to the next one; without this nobody does. */
  readonly standsBack?: ((node: string, wanted: WantedAddress) => StandBack | undefined) | undefined;
  /** Node that announces a Service now, as its status says; without this the order alone decides. */
  readonly holderOf?: ((serviceKey: string) => string | undefined) | undefined;
  /** Living members that are not Herald: with one of them nobody stands back, and failback is immediate. */
  readonly foreignMembers?: readonly string[] | undefined;
}

/** `undefined` when the plan does not know the Service. `nodes` are the names of all nodes. */
export function explainService(
  service: { readonly key: string; readonly addresses: readonly string[] },
  options: ExplainOptions & { readonly nodes: readonly string[] },
): Layer2Explanation | undefined {
  const plan = options.plan.services.get(service.key);
  if (plan === undefined) return undefined;
  const { reason, message } = plan;
  const addresses = reason === undefined
    ? plan.addresses.flatMap(({ address }) => explainAddress(address, options) ?? [])
    : service.addresses.map((address) => silentAddress(address, { plan, reason, nodes: options.nodes }));
  return { addresses, reason, message };
}

/** `address` is canonical text; `undefined` when the plan does not announce it. */
export function explainAddress(address: string, options: ExplainOptions): AddressExplanation | undefined {
  const { plan, foreignMembers = [] } = options;
  const wanted = plan.addresses.get(address);
  if (wanted === undefined) return undefined;
  const { candidates, services } = wanted;
  const sharers = services.flatMap((key) => plan.services.get(key) ?? []);
  const policy = policyOf(sharers);
  const { unable, allFail } = unableOf(wanted, options);
  const out = new Map([...exclusionsOf(sharers, new Set(candidates)), ...unable].map((one) => [one.node, one]));
  const inOrder = candidates.filter((node) => !out.has(node));
  const holder = keptBy(wanted, { ...options, able: inOrder });
  const able = holder === undefined ? inOrder : [holder, ...inOrder.filter((node) => node !== holder)];
  const announcer = firstLiving(able, () => true) ?? null;
  const { preferences } = sharers[0] ?? {};
  return {
    address,
    announcer,
    interfaces: (announcer === null ? undefined : wanted.interfacesByNode?.[announcer]) ?? wanted.interfaces,
    candidates: able,
    excluded: [...out.values()].sort((a, b) => compareText(a.node, b.node)),
    order: candidates.map((node) => ({ node, preference: preferences?.get(node) ?? 0 })),
    policy,
    warnings: [
      ...disagreement(address, sharers),
      ...(allFail ? [NO_LINK_PROBE_ANSWERS] : []),
      ...keptWarning(holder, { first: inOrder[0], policy }),
      ...statusWarning(announcer, { services, options }),
      ...foreignWarning(policy, foreignMembers),
    ],
  };
}

/** Nodes that a Service of the address cannot be announced from, and which so are no candidates. */
function exclusionsOf(sharers: readonly ServiceL2Plan[], candidates: ReadonlySet<string>): Exclusion[] {
  const excluded = new Map<string, Exclusion>();
  for (const { key, excluded: list } of sharers) {
    for (const one of list) {
      if (excluded.has(one.node) || candidates.has(one.node)) continue;
      const message = sharers.length === 1 ? one.message : `${one.message} (${key})`;
      excluded.set(one.node, { ...one, message });
    }
  }
  return [...excluded.values()];
}

/** Candidates without a speaker, and those that stand back; nobody does for a link probe that answers nobody. */
function unableOf(wanted: WantedAddress, options: ExplainOptions): { unable: Exclusion[]; allFail: boolean } {
  const { isLiving, standsBack, foreignMembers = [] } = options;
  const unable = wanted.candidates.flatMap((node): Exclusion[] => {
    if (!isLiving(node)) return [{ node, reason: "noSpeaker", message: "no speaker is alive on the node" }];
    const reason = foreignMembers.length > 0 ? undefined : standsBack?.(node, wanted);
    return reason === undefined ? [] : [{ node, reason, message: standBackText(reason, { node, wanted }) }];
  });
  const others = unable.filter(({ reason }) => reason !== "linkProbeFailed");
  const allFail = unable.length === wanted.candidates.length && others.length < unable.length;
  return allFail ? { unable: others, allFail } : { unable, allFail };
}

/** The node that a failback policy leaves the address with. */
function keptBy(
  { services, policy }: WantedAddress,
  { able, holderOf, foreignMembers = [] }: ExplainOptions & { able: readonly string[] },
): string | undefined {
  if (holderOf === undefined || policy === undefined || policy.failback === "immediate") return undefined;
  if (foreignMembers.length > 0) return undefined;
  const holders = new Set(services.flatMap((key) => holderOf(key) ?? []));
  const [holder] = holders;
  return holders.size === 1 && holder !== undefined && able.includes(holder) ? holder : undefined;
}

function keptWarning(
  holder: string | undefined,
  { first, policy }: { first: string | undefined; policy: DecidedPolicy },
): AddressWarning[] {
  if (holder === undefined || first === undefined || holder === first) return [];
  const until = typeof policy.failback === "object"
    ? "until herald.dev/failback lets"
    : "and herald.dev/failback never lets";
  const message = `${first} comes first, but ${holder} announces it ${until} the address go back`;
  return [{ reason: "kept", message }];
}

/** What the objects say is what was so a moment ago; what is computed here is what should be. */
function statusWarning(
  announcer: string | null,
  { services, options: { holderOf } }: { services: readonly string[]; options: ExplainOptions },
): AddressWarning[] {
  const shown = new Set(services.flatMap((key) => holderOf?.(key) ?? []));
  const [holder] = shown;
  if (shown.size !== 1 || holder === announcer) return [];
  const should = announcer === null ? "nobody can announce it" : `${announcer} should announce it`;
  const message = `by what the speakers report ${should}, but the ServiceL2Status says that ${holder} does: ` +
    "a move is under way, or they do not see the same";
  return [{ reason: "statusDiffers", message }];
}

/** With the names that the advertisement gives, which are what its owner may have mistyped. */
function standBackText(reason: StandBack, { node, wanted }: { node: string; wanted: WantedAddress }): string {
  const interfaces = wanted.interfacesByNode?.[node] ?? wanted.interfaces;
  if (reason === "linkProbeFailed" || interfaces === "all") return STANDS_BACK[reason];
  return `${STANDS_BACK[reason]} (${shortList(interfaces, { max: 4 })})`;
}

const STANDS_BACK: Readonly<Record<StandBack, string>> = {
  noInterface: "it stands back: it has no interface that the address is to be announced on and that is in use",
  noCarrier: "it stands back: the interfaces that the address is to be announced on have no link",
  noIpv6: "it stands back: the interfaces that the address is to be announced on have no IPv6 link-local address",
  linkProbeFailed: "it stands back: an address of herald.dev/link-probe does not answer there",
};

const NO_LINK_PROBE_ANSWERS: AddressWarning = {
  reason: "noLinkProbeAnswers",
  message: "an address of herald.dev/link-probe answers none of the candidates, so none of them stands back for it",
};

/** Of several Services the strictest wish counts, as for one Service that of several advertisements. */
function policyOf(sharers: readonly ServiceL2Plan[]): DecidedPolicy {
  const [only, ...others] = sharers;
  if (others.length === 0) return only?.policy ?? DEFAULT_DECIDED_POLICY;
  const decided = decidePolicy(sharers.map(({ key, policy }) => ({ name: key, policy })));
  const said = (key: string) => sharers.find((one) => one.key === key)?.policy.decidedBy;
  const { failback = "", probe = "", linkProbes } = decided.decidedBy;
  return {
    ...decided,
    decidedBy: {
      failback: said(failback)?.failback,
      probe: said(probe)?.probe,
      linkProbes: Object.fromEntries(
        Object.entries(linkProbes).map(([address, key]) => [address, said(key)?.linkProbes[address] ?? key]),
      ),
    },
  };
}

function disagreement(address: string, sharers: readonly ServiceL2Plan[]): AddressWarning[] {
  if (sharers.length < 2) return [];
  const list = sharers.flatMap(({ addresses }) => addresses.find((one) => one.address === address) ?? []);
  if (list.length < 2 || agreedCandidates(list).allAgree) return [];
  const keys = sharers.map(({ key }) => key);
  const message = `${keys.join(", ")} share the address but no node can serve them all; it is announced as ` +
    `${keys[0]} wants it, and traffic for the others may go nowhere`;
  return [{ reason: "sharersDisagree", message }];
}

function foreignWarning(policy: DecidedPolicy, foreign: readonly string[]): AddressWarning[] {
  if (foreign.length === 0) return [];
  const off = policy.failback === "immediate" && policy.linkProbes.length === 0
    ? "no node stands back when it has no link"
    : "herald.dev/failback and herald.dev/link-probe have no effect, and no node stands back when it has no link";
  const message = `the speaker of ${foreign.join(", ")} is not Herald: the order is MetalLB's, ${off}`;
  return [{ reason: "notAllHerald", message }];
}

/** Every node is out, each by its own reason or else by the one that they have in common. */
function silentAddress(
  address: string,
  { plan, reason, nodes }: { plan: ServiceL2Plan; reason: L2Reason; nodes: readonly string[] },
): AddressExplanation {
  const own = new Map<string, NodeExclusion>(plan.excluded.map((exclusion) => [exclusion.node, exclusion]));
  const { message, policy } = plan;
  const names = nodes.length === 0 ? [EVERY_NODE] : [...nodes].sort(compareText);
  const excluded = names.map((node) => own.get(node) ?? { node, reason, message });
  return { address, announcer: null, interfaces: "all", candidates: [], excluded, order: [], policy, warnings: [] };
}
