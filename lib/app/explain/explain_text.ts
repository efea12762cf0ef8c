/**
 * What `herald explain` prints for people: per Service what it has or why it has nothing, who announces it or why
 * nobody, in few lines, the most telling first. `printable` keeps what stands in a file from playing with the terminal.
 */
import { sameTexts, shortList } from "../../base/text_list.ts";
import type {
  AllocationExplanation,
  BgpExplanation,
  ServiceExplanation,
} from "../../decision/control/explain_world.ts";
import type { WorldExplanation } from "../../decision/control/explain_world.ts";
import type { DecidedPolicy } from "../../decision/plan/address_policy.ts";
import type { AddressExplanation, NodeExclusion } from "../../decision/plan/explain.ts";
import type { NodeNetworks } from "../../decision/config/node_networks.ts";
import { columnsOf, type Output, printable, styled, wrapped } from "../cli/output.ts";
import { poolRows } from "../cli/pool_table.ts";
import { outsideNetworks } from "./networks.ts";

export interface ExplainContext {
  /** The objects are those of a running cluster. */
  readonly isLive: boolean;
  readonly hasNodes: boolean;
  readonly hasPeers: boolean;
  readonly hasBgpAdvertisements: boolean;
  /** What the speakers say of their interfaces; empty offline. */
  readonly networks: NodeNetworks;
  /** Sentences about the input as a whole. */
  readonly notes: readonly string[];
}

const LABEL_WIDTH = 13;

const RULES: Readonly<Record<string, string>> = {
  autoAssign: "the first pool, by priority and name, that may give it one, and its lowest free address",
  requestedPool: "the pool that its annotation names, and its lowest free address",
  requestedAddress: "the address that it asks for",
};

/** Writes the explanation of `services`, then pools, problems and notes. */
export function writeExplanation(
  output: Output,
  world: WorldExplanation,
  options: { readonly services: readonly ServiceExplanation[]; readonly context: ExplainContext },
): void {
  const { services, context } = options;
  for (const service of services) writeService(output, service, context);
  if (services.length === 0) output.write("no Service of type LoadBalancer\n\n");
  writePools(output, world);
  writeProblems(output, world);
  for (const note of context.notes) {
    output.write(`${styled(output, "note", "cyan")}: ${text(output, note, "note: ")}\n`);
  }
}

function writeService(output: Output, service: ServiceExplanation, context: ExplainContext): void {
  const { allocation } = service;
  output.write(`${styled(output, printable(service.key), "bold")}  ${headline(output, service, context)}\n`);
  const line = (label: string, content: string) => output.write(labelled(output, label, content));
  line("allocation", allocationText(allocation));
  for (const { type, reason, message } of allocation.events) line("event", `${type} ${reason}: ${message}`);
  if (service.layer2 !== undefined) writeLayer2(service, { line, context });
  if (allocation.addresses.length > 0 && service.layer2 !== undefined) writeBgp(service, { line, context });
  output.write("\n");
}

/** The answer in half a line. */
function headline(output: Output, service: ServiceExplanation, context: ExplainContext): string {
  const { outcome, addresses, reason } = service.allocation;
  const list = addresses.map(printable).join(", ");
  if (outcome === "pending") return styled(output, `pending (${reason})`, "red");
  if (outcome === "ignored" || outcome === "released") return styled(output, `${outcome} (${reason})`, "dim");
  const announcers = new Set((service.layer2?.addresses ?? []).flatMap(({ announcer }) => announcer ?? []));
  const byBgp = service.bgp.some(({ announced }) => announced.length > 0);
  const ways = [...[...announcers].map((node) => `announced by ${printable(node)}`), ...byBgp ? ["by BGP"] : []];
  if (ways.length === 0) {
    const isUnknown = missingInput(service, context) !== undefined;
    return `${list}  ${styled(output, isUnknown ? "announcer unknown" : "announced by nobody", "yellow")}`;
  }
  return `${styled(output, list, "green")}  ${ways.join(" and ")}`;
}

function allocationText({ outcome, pool, reason, message }: AllocationExplanation): string {
  const from = pool === null ? "" : ` from pool ${pool}`;
  switch (outcome) {
    case "assigned":
      return `assigned${from}: ${RULES[reason] ?? message}`;
    case "kept":
      return `kept${from}: ${message}`;
    case "pending":
      return `none: ${message || reason}`;
    case "released":
      return `given up: ${message}`;
    case "ignored":
      return `not asked for: ${message}`;
  }
}

function writeLayer2(
  service: ServiceExplanation,
  { line, context }: { line: Line; context: ExplainContext },
): void {
  const { reason, message, addresses } = service.layer2!;
  const missing = missingInput(service, context);
  if (missing !== undefined) return line("layer 2", `unknown: ${missing}`);
  if (reason !== undefined && reason !== "notOwner") return line("layer 2", `not announced: ${message} (${reason})`);
  // Of the addresses of one Service mostly the same nodes are excluded for the same reasons: that is said once.
  const excluded = addresses.map((address) => groupedExclusions(address.excluded));
  const areAlike = excluded.every((lines) => sameTexts(lines, excluded[0]!));
  for (const [index, address] of addresses.entries()) {
    line("layer 2", `${address.address} ${announcerText(address)}`);
    const order = orderText(address);
    if (order !== undefined) line("order", order);
    for (const each of policyTexts(address.policy)) line("annotation", each);
    const warning = outsideNetworks(address, context.networks);
    if (warning !== undefined) line("warning", warning);
    for (const { message } of address.warnings) line("warning", message);
    if (!areAlike || index === addresses.length - 1) { for (const each of excluded[index]!) line("", each); }
  }
}

/** What files would have to hold for an answer; a cluster holds everything. */
function missingInput({ layer2, hasEndpointSlices }: ServiceExplanation, context: ExplainContext): string | undefined {
  if (layer2 === undefined) return undefined;
  const { reason } = layer2;
  if (!context.isLive && reason === "noReadyEndpoint" && !hasEndpointSlices) {
    return "the input has no EndpointSlice of this Service, so nothing says where it can be served";
  }
  return !context.hasNodes && (reason === undefined || reason === "notOwner") ? "the input has no Nodes" : undefined;
}

function announcerText({ announcer, candidates, interfaces }: AddressExplanation): string {
  if (announcer === null) return "is announced by nobody";
  const others = candidates.filter((node) => node !== announcer);
  const next = others.length === 0 ? "nobody is next" : `next ${shortList(others, { max: LISTED_MAX })}`;
  return `is announced by ${announcer} on ${interfaces === "all" ? "all interfaces" : interfaces.join(", ")}; ${next}`;
}

/** Where preferences or nodes that are out of it make the order something else than "the announcer, then the next". */
function orderText({ order, candidates }: AddressExplanation): string | undefined {
  if (order.length === candidates.length && order.every(({ preference }) => preference === 0)) return undefined;
  const named = order.map(({ node, preference }) => preference === 0 ? node : `${node} (preference ${preference})`);
  return shortList(named, { max: LISTED_MAX });
}

function policyTexts({ failback, probe, linkProbes, decidedBy }: DecidedPolicy): string[] {
  const texts: string[] = [];
  const by = (name: string) => `, says L2Advertisement ${name}`;
  if (decidedBy.failback !== undefined) {
    const value = typeof failback === "string" ? failback : `after ${failback.afterMs / 1000} s`;
    texts.push(`failback ${value}${by(decidedBy.failback)}`);
  }
  if (decidedBy.probe !== undefined) texts.push(`probe ${probe}${by(decidedBy.probe)}`);
  for (const address of linkProbes) texts.push(`link probe ${address}${by(decidedBy.linkProbes[address] ?? "")}`);
  return texts;
}

function writeBgp(service: ServiceExplanation, { line, context }: { line: Line; context: ExplainContext }): void {
  if (!context.hasPeers) {
    if (context.hasBgpAdvertisements) line("bgp", "not announced: there are BGPAdvertisements but no BGPPeer");
    return;
  }
  if (service.bgp.length === 0) return line("bgp", "unknown: there are no Nodes");
  let label = "bgp";
  for (const { text, pairs } of groupedBgp(service.bgp)) {
    line(label, `${text}: ${shortList(pairs, { max: LISTED_MAX })}`);
    label = "";
  }
}

/** Pairs of node and peer with the same outcome on one line. */
function groupedBgp(explanations: readonly BgpExplanation[]): { text: string; pairs: string[] }[] {
  const groups = new Map<string, string[]>();
  const add = (text: string, pair: string) => groups.set(text, [...groups.get(text) ?? [], pair]);
  for (const { node, peer, announced, excluded } of explanations) {
    for (const { prefix, localPref, communities } of announced) {
      const more = [
        ...(localPref === 0 ? [] : [`localPref ${localPref}`]),
        ...(communities.length === 0 ? [] : [`communities ${communities.join(" ")}`]),
      ];
      add(`announces ${[prefix, ...more].join(", ")}`, `${node} to ${peer}`);
    }
    for (const { reason, message } of excluded) add(`not announced, ${message} (${reason})`, `${node} to ${peer}`);
  }
  return [...groups].map(([text, pairs]) => ({ text, pairs }));
}

function groupedExclusions(excluded: readonly NodeExclusion[]): string[] {
  const groups = new Map<string, string[]>();
  for (const { node, reason, message } of excluded) {
    const key = `${message} (${reason})`;
    groups.set(key, [...groups.get(key) ?? [], node]);
  }
  return [...groups].map(([why, nodes]) => `not ${shortList(nodes, { max: LISTED_MAX })}: ${why}`);
}

const LISTED_MAX = 8;

function writePools(output: Output, { pools }: WorldExplanation): void {
  if (pools.length === 0) return output.write("no usable IPAddressPool\n");
  const [head, ...body] = columnsOf(poolRows(pools).map((row) => row.map(printable)));
  output.write(`${styled(output, head!, "dim")}\n${body.join("\n")}\n`);
}

const PROBLEMS_MAX = 10;

function writeProblems(output: Output, { problems }: WorldExplanation): void {
  if (problems.length === 0) return;
  const sorted = [...problems].sort((a, b) => Number(a.severity !== "error") - Number(b.severity !== "error"));
  output.write("\n");
  for (const { severity, kind, namespace, name, path, message } of sorted.slice(0, PROBLEMS_MAX)) {
    const where = `${kind} ${namespace === "" ? "" : `${namespace}/`}${name}${path === "" ? "" : ` ${path}`}`;
    const mark = styled(output, severity, severity === "error" ? "red" : "yellow");
    output.write(`${mark}: ${text(output, `${where}: ${message}`, `${severity}: `)}\n`);
  }
  const more = problems.length - PROBLEMS_MAX;
  if (more > 0) output.write(`and ${more} more; herald validate shows them all\n`);
}

type Line = (label: string, content: string) => void;

function labelled(output: Output, label: string, content: string): string {
  const indent = " ".repeat(LABEL_WIDTH + 2);
  const columns = output.columns;
  const body = wrapped(printable(content), {
    columns: columns === undefined ? undefined : columns - indent.length,
    indent: "",
  }).split("\n").join(`\n${indent}`);
  return `  ${styled(output, label.padEnd(LABEL_WIDTH), "dim")}${body}\n`;
}

/** Content that stands behind `prefix`. */
function text(output: Output, content: string, prefix: string): string {
  const columns = output.columns === undefined ? undefined : output.columns - prefix.length;
  return wrapped(printable(content), { columns, indent: "" }).split("\n").join(`\n${" ".repeat(prefix.length)}`);
}
