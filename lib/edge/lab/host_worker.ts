/**
 * One laboratory host: a Worker whose thread has a network namespace of its own, with Deno's sockets in it.
 *
 * Everything that touches the network must happen on this thread, because the namespace belongs to it and not to the
 * process. Netlink sockets are opened per call and closed: one left open would keep the namespace alive.
 */
import { invariant } from "../../base/assert.ts";
import { ENOENT, SysError } from "../net/errno.ts";
import { currentTid, ownNamespacePath, unshareNetwork, writeProcFile } from "../net/namespace.ts";
import { Netlink } from "../net/netlink.ts";
import { serveCalls } from "./call_server.ts";
import type { HostCalls } from "./calls.ts";
import { Probe } from "./probe.ts";
import { Programs } from "./programs.ts";

const CARRIER_TRIES_MAX = 1_000;
const CARRIER_RETRY_MS = 5;

const programs = new Programs();
const servers = new Map<number, Deno.HttpServer<Deno.NetAddr>>();
const probes = new Map<number, Probe>();
/** Servers and probes are known to main by numbers of this row. */
const ids = (function* () {
  for (let id = 1;; id++) yield id;
})();

serveCalls<HostCalls>({
  start() {
    unshareNetwork();
    withLink("lo", (netlink, ifindex) => netlink.setUp(ifindex, true));
    return { tid: currentTid(), namespacePath: ownNamespacePath() };
  },

  async configure({ interface: name, addresses }) {
    withLink(name, (netlink, ifindex) => {
      for (const cidr of addresses) netlink.addAddress(ifindex, cidr);
      netlink.setUp(ifindex, true);
    });
    await carrierOf(name);
    return null;
  },

  setSysctl({ path, value }) {
    invariant(!path.split("/").includes(".."), `A sysctl path stays below /proc/sys: "${path}"`);
    writeProcFile(`/proc/sys/${path}`, value);
    return null;
  },

  addAddress: ({ interface: name, cidr }) => withLink(name, (netlink, ifindex) => netlink.addAddress(ifindex, cidr)),

  deleteAddress: ({ interface: name, cidr }) =>
    withLink(name, (netlink, ifindex) => netlink.deleteAddress(ifindex, cidr)),

  serveHttp({ address, port, respond }) {
    const server = Deno.serve({ hostname: address, port, onListen: () => {} }, () => new Response(respond));
    const id = ids.next().value!;
    servers.set(id, server);
    return { server: id, port: server.addr.port };
  },

  async stopHttp({ server: id }) {
    const server = servers.get(id);
    invariant(server !== undefined, `No HTTP server ${id} runs here`);
    servers.delete(id);
    await server.shutdown();
    return null;
  },

  async httpGet({ url, timeoutMs }) {
    const start = performance.now();
    const response = await fetch(url, {
      signal: AbortSignal.timeout(timeoutMs),
      headers: { connection: "close" },
    });
    const body = await response.text();
    return { status: response.status, body, durationMs: performance.now() - start };
  },

  startProbe(options) {
    const probe = ids.next().value!;
    probes.set(probe, new Probe(options));
    return { probe };
  },

  readProbe: ({ probe }) => probeOf(probe).report(),

  stopProbe({ probe: id }) {
    const probe = probeOf(id);
    probes.delete(id);
    return probe.stop();
  },

  neighbours() {
    const netlink = Netlink.open();
    try {
      return netlink.listNeighbours();
    } finally {
      netlink.close();
    }
  },

  flushNeighbour({ ip }) {
    const netlink = Netlink.open();
    try {
      const known = netlink.listNeighbours().filter((neighbour) => neighbour.ip === ip);
      for (const { ifindex } of known) ignoreMissing(() => netlink.deleteNeighbour(ifindex, ip));
      return null;
    } finally {
      netlink.close();
    }
  },

  run: (options) => programs.run(options),
  spawn: ({ command, args }) => programs.spawn(command, args),
  awaitChild: ({ child }) => programs.result(child),
  killChild({ child, signal }) {
    programs.kill(child, signal);
    return null;
  },

  async close() {
    await programs.killAll();
    await Promise.all([...probes.values()].map((probe) => probe.stop()));
    await Promise.all([...servers.values()].map((server) => server.shutdown()));
    return null;
  },
});

function withLink(name: string, use: (netlink: Netlink, ifindex: number) => void): null {
  const netlink = Netlink.open();
  try {
    const link = netlink.findLink(name);
    invariant(link !== undefined, `This host has no link "${name}"`);
    use(netlink, link.ifindex);
    return null;
  } finally {
    netlink.close();
  }
}

/** What is sent before the link is operational is lost without an error, so only then the host is ready. */
async function carrierOf(name: string): Promise<void> {
  let carrier = false;
  for (let tries = 0; tries < CARRIER_TRIES_MAX && !carrier; tries++) {
    const netlink = Netlink.open();
    carrier = netlink.findLink(name)?.operationalState === "up";
    netlink.close();
    if (!carrier) await new Promise((resolve) => setTimeout(resolve, CARRIER_RETRY_MS));
  }
  invariant(carrier, `The cable of "${name}" has no carrier`);
}

function probeOf(id: number): Probe {
  const probe = probes.get(id);
  invariant(probe !== undefined, `No probe ${id} runs here`);
  return probe;
}

/** An entry may expire between the list and its deletion. */
function ignoreMissing(change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!(error instanceof SysError) || error.errno !== ENOENT) throw error;
  }
}
