/** What `herald status -f` prints of one speaker's own page: what is wrong first, then who answers, whom it sees, and where. */
import { shortList } from "../../base/text_list.ts";
import { lacksWire, type OwnershipReason } from "../../base/wanted.ts";
import { columnsOf, type Output, printable, styled } from "../cli/output.ts";
import { ageText } from "./age_text.ts";
import { refusalText } from "./refusal_text.ts";
import type { AddressOnPage, MemberOnPage, SpeakerPage } from "./speaker_page.ts";

export function writeSpeakerPage(output: Output, page: SpeakerPage, { nowMs }: { readonly nowMs: number }): void {
  output.write(`speaker of ${printable(page.node)}: ${page.ready ? "ready" : "not ready"}\n`);
  for (const warning of warningsOf(page, nowMs)) {
    output.write(`${styled(output, "warning", "yellow")}: ${printable(warning)}\n`);
  }
  const table = (rows: readonly (readonly string[])[]) => {
    const [head, ...body] = columnsOf(rows.map((row) => row.map(printable)));
    output.write(`\n${styled(output, head!, "dim")}\n${body.map((line) => `${line}\n`).join("")}`);
  };
  const { addresses, members, interfaces } = page;
  if (addresses.length > 0) {
    table([["ADDRESS", "ANSWERED HERE", "WHY", "ORDER"], ...addresses.map((one) => addressRow(one, page.node))]);
  } else if (page.isWhole) output.write("\nno address is to be announced\n");
  if (members.length > 0) {
    table([["MEMBER", "ADDRESS", "GOSSIP", "WATCH", "ROUND TRIP", "SPEAKER"], ...members.map(memberRow)]);
  }
  if (interfaces.usable.length + interfaces.refused.length > 0) {
    table([
      ["INTERFACE", "ANNOUNCES"],
      ...interfaces.usable.map((name) => [name, interfaces.ipv4Only.includes(name) ? "yes, IPv4 only" : "yes"]),
      ...interfaces.refused.map(({ name, reason }) => [name, `no: ${refusalText(reason)}`]),
    ]);
  }
}

function warningsOf(page: SpeakerPage, nowMs: number): string[] {
  const { api, snapshot, cutOff, foreignMembers, conflicts, problems, isWhole } = page;
  const warnings: string[] = [];
  if (api.silent.length > 0) {
    const error = api.lastError === "" ? "" : `: ${api.lastError}`;
    const kinds = api.silent.length === api.kinds ? "nothing" : `all but ${shortList(api.silent, { max: 3 })}`;
    warnings.push(`of the API server ${kinds} is heard now${error}`);
  }
  if (snapshot.stale) {
    const age = ageText(nowMs - Date.parse(snapshot.restoredFrom));
    warnings.push(
      `stale: what is announced was wanted at ${snapshot.restoredFrom} (${age} ago) and comes from its snapshot`,
    );
  }
  if (snapshot.problem !== "") warnings.push(`the snapshot is not saved: ${snapshot.problem}`);
  if (cutOff) warnings.push("cut off from the API server and most members: it answers nothing (--safe)");
  if (foreignMembers.length > 0) {
    const who = shortList(foreignMembers, { max: 3 });
    warnings.push(`the speaker of ${who} is not Herald: the order is MetalLB's, failback and standing back are off`);
  }
  for (const { address, mac, interface: name } of conflicts) {
    warnings.push(`${address} is used by another station too: ${mac} on ${name}`);
  }
  for (const { where, message } of problems) warnings.push(`${where}: ${message}`);
  if (!isWhole) warnings.push("the packet thread did not describe itself in time: who answers is not known");
  return warnings;
}

function addressRow({ address, owned, reason, candidates }: AddressOnPage, self: string): string[] {
  const order = candidates.map(({ node, state, standsBack }) => {
    if (node === self) return `${node} (here${standsBack === "" ? "" : ", stands back"})`;
    const what = [...state === "alive" ? [] : [state], ...standsBack === "" ? [] : ["stands back"]];
    return what.length === 0 ? node : `${node} (${what.join(", ")})`;
  });
  const isAnswered = owned && !lacksWire(reason);
  return [address, isAnswered ? "yes" : "no", reasonText(reason, owned), shortList(order, { max: LISTED_MAX })];
}

const LISTED_MAX = 8;

function memberRow({ node, address, gossip, watch, roundTripMs, version }: MemberOnPage): string[] {
  const speaker = version !== "" ? `Herald ${version}` : gossip === "" ? "unknown" : "not Herald";
  const roundTrip = watch === "" || roundTripMs === undefined ? "-" : `${roundTripMs.toFixed(1)} ms`;
  return [node, address || "-", gossip || "unknown", watch || "not watched", roundTrip, speaker];
}

const REASONS: Readonly<Record<OwnershipReason, string>> = {
  elected: "it is the first that lives and can serve",
  kept: "failback keeps it here",
  handingOver: "another comes first and is not heard to answer yet",
  notOwner: "another comes first",
  notCandidate: "this node is no candidate",
  waitingForPeers: "a node before it was not heard yet",
  waitingForClaims: "who answers already is not known yet (failback)",
  waitingForSnapshot: "what is wanted is not known yet",
  noInterface: "none of its interfaces is there",
  noCarrier: "its interfaces have no link",
  noIpv6: "its interfaces have no IPv6 link-local address",
  linkProbeFailed: "a link probe does not answer",
  probing: "the segment is asked for another holder (probe: strict)",
  conflict: "another station had it first",
  safe: "cut off (--safe)",
  leaving: "this speaker is leaving",
};

function reasonText(reason: string, owned: boolean): string {
  const text = Object.hasOwn(REASONS, reason) ? REASONS[reason as OwnershipReason] : reason;
  if (!owned) return text;
  // Nobody else is there in the eyes of a node that is cut off: it keeps the address for when its wire is back.
  if (lacksWire(reason)) return `${text}, and nobody else is heard who could`;
  return reason === "linkProbeFailed" ? `${text}, but nobody else could do better` : text;
}
