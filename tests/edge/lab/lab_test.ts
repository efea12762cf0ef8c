// needs: namespaces cat sleep
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { InvariantError } from "../../../lib/base/assert.ts";
import { Lab } from "../../../lib/edge/lab/lab.ts";
import type { LabHost } from "../../../lib/edge/lab/lab_host.ts";
import { parseMac } from "../../../lib/base/mac.ts";
import { SysError } from "../../../lib/edge/net/errno.ts";
import { until } from "../../support/until.ts";

const N1 = "192.168.77.11";
const MAC = parseMac("02:00:5e:00:53:0b")!;

async function withLab(test: (hosts: { lab: Lab; n1: LabHost; client: LabHost }) => Promise<void>): Promise<void> {
  const lab = await Lab.create({
    hosts: [
      { name: "n1", address: `${N1}/24`, moreAddresses: ["2001:db8:77::11/64"], mac: MAC },
      { name: "client", address: "192.168.77.50/24", moreAddresses: ["2001:db8:77::50/64"] },
    ],
  });
  try {
    await test({ lab, n1: lab.host("n1"), client: lab.host("client") });
  } finally {
    await lab.close();
  }
}

Deno.test("Lab: a host with a wrong address or an interface name that is too long is refused, and nothing stays", async () => {
  const address = await assertRejects(() => Lab.create({ hosts: [{ name: "x", address: "192.0.2.1" }] }), SysError);
  assertEquals(address.message, "host x: add address 192.0.2.1 to link 2 failed: EINVAL (errno 22)");
  const host = { name: "y", address: "192.0.2.1/24", interface: "interface-of-y-is-long" };
  assertEquals((await assertRejects(() => Lab.create({ hosts: [host] }), SysError)).code, "ERANGE");
  await assertRejects(() => Lab.create({ hosts: [host, host] }), InvariantError);
});

Deno.test("LabHost: what the kernel refuses is an error that names host and operation", () =>
  withLab(async ({ n1 }) => {
    const error = await assertRejects(() => n1.setSysctl("net/ipv4/conf/none/arp_ignore", 1), SysError);
    assertEquals(error.operation, "host n1: open /proc/sys/net/ipv4/conf/none/arp_ignore");
    await assertRejects(() => n1.setSysctl("../self/comm", "x"), Error, "stays below /proc/sys");
    await assertRejects(() => n1.addAddress("eth7", "192.0.2.1/24"), Error, 'no link "eth7"');
    await assertRejects(() => n1.serveHttp({ address: "192.0.2.99", port: 80 }), Error);
  }));

Deno.test("Lab: two hosts resolve and fetch each other, over IPv4 and IPv6", () =>
  withLab(async ({ n1, client }) => {
    const server = await n1.serveHttp({ address: N1, port: 8080, respond: "from n1" });
    const sixth = await n1.serveHttp({ address: "2001:db8:77::11", port: 0 });
    const answer = await client.httpGet(`http://${N1}:8080/`);
    assertEquals([answer.status, answer.body], [200, "from n1"]);
    assertEquals((await client.httpGet(`http://[2001:db8:77::11]:${sixth.port}/`)).body, "n1");
    const known = (await client.neighbours()).find(({ ip }) => ip === N1);
    assertEquals([known?.mac, known?.state], [MAC, "reachable"]);
    await server.stop();
    await assertRejects(() => client.httpGet(`http://${N1}:8080/`));
  }));

Deno.test("LabHost: an address on the loopback answers ARP unless arp_ignore says no", () =>
  withLab(async ({ n1, client }) => {
    await n1.addAddress("lo", "192.168.77.200/32");
    await n1.serveHttp({ address: "0.0.0.0", port: 80 });
    assertEquals((await client.httpGet("http://192.168.77.200/")).body, "n1");
    for (const scope of ["all", "lo", "eth0"]) await n1.setSysctl(`net/ipv4/conf/${scope}/arp_ignore`, 1);
    await client.flushNeighbour("192.168.77.200");
    await client.flushNeighbour("192.168.77.201");
    await assertRejects(() => client.httpGet("http://192.168.77.200/", { timeoutMs: 500 }));
    assertEquals((await client.httpGet(`http://${N1}/`)).body, "n1");
    await n1.deleteAddress("lo", "192.168.77.200/32");
  }));

Deno.test("LabHost: a probe counts what was not answered while a cable was out, and says who answered", () =>
  withLab(async ({ n1, client }) => {
    await n1.serveHttp({ address: "0.0.0.0", port: 80, respond: "it is n1" });
    const probe = await client.startProbe({ address: N1, port: 80, intervalMs: 10, timeoutMs: 200 });
    await until("twenty probes are answered", async () => (await probe.report()).answered >= 20);
    await n1.cutCable();
    const { answered } = await probe.report();
    await new Promise((resolve) => setTimeout(resolve, 400));
    await n1.plugCable();
    await until("twenty more are answered", async () => (await probe.report()).answered >= answered + 20);
    const report = await probe.stop();
    assertEquals(report.sent, report.answered + report.failed);
    assertEquals(report.skipped, 0);
    assert(report.failed > 0);
    assertEquals(report.bodies, { "it is n1": report.answered });
    assertEquals(report.samples.length, report.sent);
    assert(report.longestGapMs >= 400, `the longest gap was ${report.longestGapMs} ms`);
    assertEquals(Math.max(...report.gaps.map(({ lengthMs }) => lengthMs)), report.longestGapMs);
  }));

Deno.test("LabHost: a probe of an address that nobody has fails each time and does not pile up", () =>
  withLab(async ({ client }) => {
    const probe = await client.startProbe({ address: "192.168.77.99", port: 80, intervalMs: 10, timeoutMs: 50 });
    await until("twenty have failed", async () => (await probe.report()).failed >= 20);
    const report = await probe.stop();
    assertEquals([report.answered, report.sent - report.failed, Object.keys(report.bodies)], [0, 0, []]);
    assert(report.longestGapMs >= 200, "a probe without any answer is one gap");
  }));

Deno.test("LabHost: programs run inside the host, and are ended in time and with it", () =>
  withLab(async ({ lab, n1, client }) => {
    assertEquals(await n1.run("cat", ["/proc/sys/net/ipv4/conf/eth0/forwarding"]), {
      code: 0,
      stdout: "0\n",
      stderr: "",
      timedOut: false,
    });
    assertEquals((await client.run("sleep", ["60"], { timeoutMs: 50 })).timedOut, true);
    const routes = await n1.run("cat", ["/proc/net/fib_trie"]);
    assert(routes.stdout.includes(N1));
    const child = await n1.spawn("sleep", ["60"]);
    const ended = child.result();
    await lab.close();
    await assertRejects(() => n1.neighbours(), Error, "closed");
    await ended.then((result) => assertEquals(result.code, 137), () => {});
  }));

Deno.test("Lab: a host that comes later is on the same switch", () =>
  withLab(async ({ lab, client }) => {
    const late = await lab.addHost({ name: "n2", address: "192.168.77.12/24", interface: "ens3" });
    await late.serveHttp({ address: "0.0.0.0", port: 80 });
    assertEquals((await client.httpGet("http://192.168.77.12/")).body, "n2");
    assertEquals(lab.hosts.map(({ name }) => name).sort(), ["client", "n1", "n2"]);
  }));
