import { assertEquals } from "@std/assert/equals";
import { ClusterReporter } from "../../lib/app/cluster_reporter.ts";
import type { LogEvent } from "../../lib/base/log.ts";

function stage() {
  const logged: LogEvent[] = [];
  const warned: string[] = [];
  const changes = { count: 0 };
  const reporter = new ClusterReporter({ node: "n1" }, {
    log: (event) => logged.push(event),
    warn: (address, { reason, message }) => warned.push(`${address} ${reason} ${message}`),
    onChange: () => changes.count++,
  });
  return { reporter, logged, warned, changes };
}

Deno.test("an address that two nodes announced during a partition is told once to its Service, and counted", () => {
  const { reporter, logged, warned } = stage();
  reporter.take({ kind: "splitHealed", address: "192.0.2.1", other: "n2", keeps: "n2" });
  assertEquals(warned, [], "the node that goes on tells it");
  reporter.take({ kind: "splitHealed", address: "192.0.2.1", other: "n2", keeps: "n1" });
  assertEquals(warned, [
    '192.0.2.1 announcedTwice nodes "n1" and "n2" both announced 192.0.2.1 while they did not hear each other; ' +
    '"n1" goes on',
  ]);
  assertEquals(logged.map(({ level, event, keeps }) => [level, event, keeps]), [
    ["warn", "announcedTwice", "n2"],
    ["warn", "announcedTwice", "n1"],
  ]);
  assertEquals(reporter.counts().splits, [{ ip: "192.0.2.1", count: 2 }]);
});

Deno.test("members that are not Herald, and being cut off, are seen in metrics, status and log", () => {
  const { reporter, logged } = stage();
  assertEquals(reporter.counts(), { splits: [], foreignMembers: 0, cutOff: false });
  reporter.take({ kind: "foreignMembers", nodes: ["m1", "m2"] });
  reporter.take({ kind: "cutOff", cutOff: true });
  assertEquals(reporter.counts(), { splits: [], foreignMembers: 2, cutOff: true });
  assertEquals(reporter.inspect(), { foreignMembers: ["m1", "m2"], cutOff: true, splitsHealed: {} });
  reporter.take({ kind: "foreignMembers", nodes: [] });
  reporter.take({ kind: "cutOff", cutOff: false });
  assertEquals(reporter.counts(), { splits: [], foreignMembers: 0, cutOff: false });
  assertEquals(logged.map(({ level, event }) => `${level} ${event}`), [
    "info membersThatAreNotHerald",
    "warn cutOffFromCluster",
    "info membersThatAreNotHerald",
    "info backInCluster",
  ]);
});

Deno.test("a node with a MAC address of ours is a problem of this Node until it has another one", () => {
  const { reporter, logged, changes } = stage();
  const report = { kind: "sharedMac", other: "n2", mac: "02:00:00:00:00:0a", interface: "eth0" } as const;
  reporter.take({ ...report, state: "found" });
  assertEquals(reporter.problems(), [{
    severity: "warning",
    kind: "Node",
    namespace: "",
    name: "n1",
    path: "",
    reason: "sharedMac",
    message: 'interface "eth0" and node "n2" have the same MAC address, 02:00:00:00:00:0a, as copies of one virtual ' +
      "machine do: switches send what is for one to the other; give one of them another address",
  }]);
  reporter.take({ ...report, state: "gone" });
  assertEquals([reporter.problems(), changes.count], [[], 2]);
  assertEquals(logged.map(({ level, event, other }) => [level, event, other]), [
    ["warn", "sharedMac", "n2"],
    ["info", "sharedMacOver", "n2"],
  ]);
});
