import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import type { Member, MemberState } from "../../../lib/base/member.ts";
import { foreignMembersOf, isDeadToAll, membersOf } from "../../../lib/decision/config/cluster_view.ts";
import {
  FAILED_LINK_PROBES_ANNOTATION,
  formatInterfaces,
  formatIpv4Only,
  formatMembers,
  INTERFACES_ANNOTATION,
  IPV4_ONLY_INTERFACES_ANNOTATION,
  MEMBERS_ANNOTATION,
  MEMBERS_LISTED_MAX,
  speakerReportsOf,
} from "../../../lib/decision/config/speaker_report.ts";

function member(node: string, state: MemberState = "alive", herald = true): Member {
  const facts = {
    version: "0.1.0",
    capabilities: [],
    generation: 1,
    watchPort: 7947,
    state: "alive" as const,
    usableInterfaces: [],
    failedLinkProbes: [],
    listsAreCut: false,
  };
  return { node, address: "192.0.2.1", port: 7946, state, facts: herald ? facts : undefined };
}

function state(node: string, annotations: Record<string, unknown>, name = `speaker-${node}`) {
  return { metadata: { name, namespace: "m", labels: { "metallb.io/node-name": node }, annotations } };
}

const sees = (node: string, ...others: Member[]) =>
  state(node, { [MEMBERS_ANNOTATION]: formatMembers(others, { version: "0.1.0" }) });

Deno.test("speaker reports: what is written is read back", () => {
  const reports = speakerReportsOf([
    state("n1", {
      [INTERFACES_ANNOTATION]: formatInterfaces({
        usable: ["br=0", "eth0"],
        ipv4Only: ["eth0"],
        refused: [{ name: "eth1", reason: "noCarrier" }, { name: "veth1", reason: "excluded" }, {
          name: "eth2",
          reason: "down",
        }],
      }),
      [IPV4_ONLY_INTERFACES_ANNOTATION]: formatIpv4Only({ usable: [], ipv4Only: ["eth0"], refused: [] }),
      [FAILED_LINK_PROBES_ANNOTATION]: "192.0.2.1 2001:db8::1",
      [MEMBERS_ANNOTATION]: formatMembers([member("n3", "dead"), member("n2", "suspect", false)], { version: "0.2.0" }),
    }),
  ]);
  const report = reports.get("n1")!;
  assertEquals(report.serving, {
    usableInterfaces: ["br=0", "eth0"],
    ipv4OnlyInterfaces: ["eth0"],
    failedLinkProbes: ["192.0.2.1", "2001:db8::1"],
  });
  assertEquals(report.refused, [{ name: "eth1", reason: "noCarrier" }, { name: "eth2", reason: "down" }]);
  assertEquals(report.members, {
    version: "0.2.0",
    count: 3,
    alive: 2,
    listed: [{ node: "n2", state: "suspect", version: undefined }, { node: "n3", state: "dead", version: "0.1.0" }],
  });
});

Deno.test("speaker reports: what cannot be read is not believed, and throws nothing", () => {
  const hostile: unknown[] = [
    null,
    5,
    {},
    state("n1", { [MEMBERS_ANNOTATION]: "{}" }, "speaker-n2"),
    state("n2", { [MEMBERS_ANNOTATION]: 5 }),
  ];
  assertEquals(speakerReportsOf(hostile).size, 0);
  for (const text of ["", "{", "[]", "null", '{"count":"3"}', `{"count":1,"alive":1,"x":"${"y".repeat(20_000)}"}`]) {
    const report = speakerReportsOf([state("n1", { [MEMBERS_ANNOTATION]: text })]).get("n1");
    assertEquals(report?.members, undefined, text.slice(0, 20));
  }
  const partly = '{"version":5,"count":2,"alive":1,"listed":[null,5,{"node":"n2"},{"node":"n3","state":"odd"},' +
    '{"node":"n4","state":"left","version":7}]}';
  assertEquals(speakerReportsOf([state("n1", { [MEMBERS_ANNOTATION]: partly })]).get("n1")?.members, {
    version: "",
    count: 2,
    alive: 1,
    listed: [{ node: "n4", state: "left", version: undefined }],
  });
});

Deno.test("speaker reports: of a thousand members only those are listed that are not as most are", () => {
  const many = Array.from({ length: 1000 }, (_, index) => member(`n${index}`, index < 2 ? "dead" : "alive"));
  const text = formatMembers(many, { version: "0.1.0" });
  assert(text.length < 200, `${text.length} octets`);
  const allOdd = formatMembers(many.map((one) => ({ ...one, state: "dead" as const })), { version: "0.1.0" });
  const read = (annotation: string) =>
    speakerReportsOf([state("x", { [MEMBERS_ANNOTATION]: annotation })]).get("x")!.members!;
  assertEquals([read(text).count, read(text).alive, read(text).listed.length], [1001, 999, 2]);
  assertEquals(read(allOdd).listed.length, MEMBERS_LISTED_MAX);
});

Deno.test("membersOf: who lives and who is not Herald, as the living speakers see it", () => {
  const reports = speakerReportsOf([
    sees("n1", member("n2"), member("n3", "dead"), member("m1", "alive", false)),
    sees("n2", member("n1"), member("n3", "left"), member("m1", "dead", false)),
    sees("n3", member("n1", "dead"), member("n2", "dead")),
  ]);
  const members = membersOf(reports, new Set(["n1", "n2"]));
  assertEquals(members.map(({ node, isHerald, aliveTo, deadTo }) => [node, isHerald, aliveTo, deadTo]), [
    ["m1", false, ["n1"], ["n2"]],
    ["n1", true, ["n1", "n2"], []],
    ["n2", true, ["n1", "n2"], []],
    // What a dead speaker said last counts no more.
    ["n3", true, [], ["n1", "n2"]],
  ]);
  assertEquals(members.filter(isDeadToAll).map(({ node }) => node), ["n3"]);
  assertEquals(foreignMembersOf(members), ["m1"]);
  // Without pods everybody who reports counts: then n3 is a cut, and not dead.
  const all = membersOf(reports, undefined);
  assertEquals(all.find(({ node }) => node === "n3")?.aliveTo, ["n3"]);
  assertEquals(membersOf(new Map(), undefined), []);
});
