/** What `herald status` prints: for people as tables, what is wrong first in each; for programs as JSON. */
import type { JsonObject } from "../../base/json.ts";
import { shortList } from "../../base/text_list.ts";
import { columnsOf, type Output, printable, styled } from "../cli/output.ts";
import { foreignMembersOf, isDeadToAll, type MemberView } from "../../decision/config/cluster_view.ts";
import { poolJson, poolRows } from "../cli/pool_table.ts";
import type { NodeInterfaces } from "../explain/live_cluster.ts";
import { ageText } from "./age_text.ts";
import { refusalText } from "./refusal_text.ts";
import type { Announcer, ServiceStatus, StatusReport } from "./status_report.ts";

export function statusJson(report: StatusReport): JsonObject {
  const { services, pools, programs, leader, configuration, members, interfaces, notes } = report;
  return {
    services: services.map((service) => ({
      ...service,
      addresses: [...service.addresses],
      pending: service.pending === null ? null : { ...service.pending },
      announcedBy: service.announcedBy.map((announcer) => ({ ...announcer, peers: [...announcer.peers] })),
      notAnnounced: service.notAnnounced === null ? null : { ...service.notAnnounced },
      warnings: service.warnings.map((warning) => ({ ...warning })),
    })),
    pools: pools.map(poolJson),
    programs: programs.map((program) => ({ ...program })),
    leader: leader === null ? null : { ...leader },
    configuration: configuration.map(({ name, result, problems }) => ({
      name,
      result,
      problems: problems.map((problem) => ({ ...problem })),
    })),
    members: members.length === 0 ? null : members.map(memberJson),
    interfaces: interfaces.length === 0 ? null : interfaces.map(interfacesJson),
    sessions: null,
    notes: [...notes],
  };
}

function memberJson({ node, isHerald, version, aliveTo, deadTo }: MemberView): JsonObject {
  return {
    node,
    herald: isHerald ?? null,
    version: version ?? null,
    aliveTo: [...aliveTo],
    deadTo: [...deadTo],
  };
}

function interfacesJson(
  { node, usableInterfaces, ipv4OnlyInterfaces = [], refused, failedLinkProbes }: NodeInterfaces,
): JsonObject {
  return {
    node,
    usable: [...usableInterfaces],
    ipv4Only: [...ipv4OnlyInterfaces],
    refused: refused.map(({ name, reason }) => ({ name, reason })),
    failedLinkProbes: [...failedLinkProbes],
  };
}

export function writeStatus(
  output: Output,
  report: StatusReport,
  options: { readonly nowMs: number; readonly namespace?: string },
): void {
  const table = (rows: readonly (readonly string[])[]) => {
    const [head, ...body] = columnsOf(rows.map((row) => row.map(printable)));
    output.write(`${styled(output, head!, "dim")}\n${body.map((line) => `${line}\n`).join("")}\n`);
  };
  writePrograms(output, report, table);
  writeMembers(report, table);
  writeInterfaces(report, table);
  const where = options.namespace ? ` in namespace ${printable(options.namespace)}` : "";
  if (report.services.length === 0) output.write(`no Service of type LoadBalancer${where}\n\n`);
  else {
    const rows = report.services.map((service) => serviceRow(service, options));
    table([["SERVICE", "ADDRESS", "POOL", "ANNOUNCED BY", "SINCE"], ...rows]);
  }
  if (report.pools.length > 0) table(poolRows(report.pools));
  writeTroubles(output, report);
}

function writePrograms(
  output: Output,
  { programs, leader }: StatusReport,
  table: (rows: readonly (readonly string[])[]) => void,
): void {
  if (programs.length === 0) output.write("no pods of controller and speaker are to be seen\n\n");
  else {
    table([
      ["PROGRAM", "POD", "NODE", "STATE"],
      ...programs.map(({ component, pod, node, ready, leads }) => [
        component,
        pod,
        node ?? "-",
        `${ready ? "ready" : "not ready"}${leads === true ? ", leads" : ""}`,
      ]),
    ]);
  }
  if (leader !== null && !programs.some(({ leads }) => leads === true)) {
    output.write(`the lease is held by ${printable(leader.holder)}\n\n`);
  }
}

/** Who sees whom: a cut that only some of the speakers notice is seen here. */
function writeMembers({ members }: StatusReport, table: (rows: readonly (readonly string[])[]) => void): void {
  if (members.length === 0) return;
  const shown = (names: readonly string[]) => shortList(names, { max: 3 });
  table([
    ["MEMBER", "SPEAKER", "SEEN BY THE OTHERS AS"],
    ...members.map((member) => {
      const { node, isHerald, version, aliveTo, deadTo } = member;
      const speaker = isHerald === undefined ? "unknown" : isHerald ? `Herald ${version ?? ""}`.trim() : "not Herald";
      const dead = isDeadToAll(member) ? "dead" : `dead by ${shown(deadTo)}, alive by ${shown(aliveTo)}`;
      return [node, speaker, deadTo.length === 0 ? "alive" : dead];
    }),
  ]);
}

/** On what each node announces; what is excluded by name is not listed, because there may be thousands. */
function writeInterfaces(
  { interfaces, members }: StatusReport,
  table: (rows: readonly (readonly string[])[]) => void,
): void {
  if (interfaces.length === 0) return;
  const shown = (texts: readonly string[]) => texts.length === 0 ? "-" : shortList(texts, { max: INTERFACES_MAX });
  // What it said last is what there is to see.
  const dead = new Set(members.filter(isDeadToAll).map(({ node }) => node));
  const hasSilent = interfaces.some(({ failedLinkProbes }) => failedLinkProbes.length > 0);
  table([
    ["NODE", "ANNOUNCES ON", "NOT ON", ...hasSilent ? ["LINK PROBES WITHOUT AN ANSWER"] : []],
    ...interfaces.map(({ node, usableInterfaces, ipv4OnlyInterfaces = [], refused, failedLinkProbes }) => [
      dead.has(node) ? `${node} (dead to the others)` : node,
      shown(usableInterfaces.map((name) => ipv4OnlyInterfaces.includes(name) ? `${name} (IPv4 only)` : name)),
      shown(refused.map(({ name, reason }) => `${name} (${refusalText(reason)})`)),
      ...hasSilent ? [shown(failedLinkProbes)] : [],
    ]),
  ]);
}

const INTERFACES_MAX = 6;

function serviceRow(service: ServiceStatus, { nowMs }: { nowMs: number }): string[] {
  const { namespace, name, addresses, pool, pending, announcedBy, notAnnounced } = service;
  const key = `${namespace}/${name}`;
  if (pending !== null) return [key, "pending", "-", `${pending.message} (${pending.reason})`, ""];
  const oldest = announcedBy.map(({ since }) => since).filter((since) => since !== null).sort()[0];
  return [
    key,
    addresses.join(", "),
    pool ?? "-",
    notAnnounced !== null
      ? `nobody: ${notAnnounced.message} (${notAnnounced.reason})`
      : announcedBy.map(whoText).join("; "),
    oldest === undefined ? "" : ageText(nowMs - Date.parse(oldest)),
  ];
}

function whoText({ node, protocol, peers, source }: Announcer): string {
  const how = protocol === "bgp" ? ` to ${peers.join(", ")}` : "";
  return `${node} (${protocol}${how}${source === "event" ? ", by its last event" : ""})`;
}

function writeTroubles(output: Output, { configuration, members, services, notes }: StatusReport): void {
  // All speakers see the same configuration: what many of them say is said once.
  const said = new Map<string, string[]>();
  for (const { name, problems } of configuration) {
    for (const { severity, message } of problems) {
      for (const line of message.split("\n")) {
        const key = `${severity}\n${line}`;
        said.set(key, [...said.get(key) ?? [], name]);
      }
    }
  }
  for (const [key, names] of said) {
    const [severity, line] = key.split("\n");
    const who = shortList(names, { max: 3 });
    const mark = styled(output, severity!, severity === "error" ? "red" : "yellow");
    output.write(`${mark}: ${printable(line!)} ${styled(output, `(${printable(who)})`, "dim")}\n`);
  }
  if (configuration.length > 0 && said.size === 0) output.write("the configuration has no problems\n");
  const foreign = foreignMembersOf(members);
  if (foreign.length > 0) {
    const who = shortList(foreign, { max: 3 });
    const off = "the order of candidates is MetalLB's, failback and standing back are off";
    output.write(`${styled(output, "note", "cyan")}: the speaker of ${printable(who)} is not Herald: ${off}\n`);
  }
  for (const [message, names] of warningsOf(services)) {
    const who = shortList(names, { max: 3 });
    output.write(
      `${styled(output, "note", "cyan")}: ${printable(message)} ${styled(output, `(${printable(who)})`, "dim")}\n`,
    );
  }
  for (const note of notes) output.write(`${styled(output, "note", "cyan")}: ${printable(note)}\n`);
}

/** What was said of foreign members already is left out. */
function warningsOf(services: readonly ServiceStatus[]): Map<string, string[]> {
  const said = new Map<string, string[]>();
  for (const { namespace, name, warnings } of services) {
    for (const { reason, message } of warnings) {
      if (reason !== "notAllHerald") said.set(message, [...said.get(message) ?? [], `${namespace}/${name}`]);
    }
  }
  return said;
}
