/**
 * Main's handle of one laboratory host. Each method is one call to the host's Worker.
 *
 * The host's interface can be used by other threads too: a packet thread enters `namespacePath`.
 */
import type { Neighbour } from "../net/netlink_codec.ts";
import type { HostCalls, HttpAnswer, ProbeOptions, ProbeReport, RunResult, StartedThread } from "./calls.ts";
import type { WorkerCaller } from "./worker_caller.ts";

const HTTP_TIMEOUT_MS = 5_000;
const RUN_TIMEOUT_MS = 30_000;

export interface LabServer {
  readonly port: number;
  stop(): Promise<void>;
}

export interface LabProbe {
  /** What was seen until now. */
  report(): Promise<ProbeReport>;
  stop(): Promise<ProbeReport>;
}

export interface LabChild {
  readonly pid: number;
  /** Resolves at its end. Call it once. */
  result(): Promise<RunResult>;
  kill(signal?: Deno.Signal): Promise<void>;
}

export class LabHost {
  readonly name: string;
  /** Name of its Ethernet interface. */
  readonly interface: string;
  readonly tid: number;
  /** `/proc/<pid>/task/<tid>/ns/net` */
  readonly namespacePath: string;
  readonly #caller: WorkerCaller<HostCalls>;
  readonly #setCable: (plugged: boolean) => Promise<unknown>;

  constructor(
    options: { name: string; interface: string; thread: StartedThread },
    deps: { caller: WorkerCaller<HostCalls>; setCable: (plugged: boolean) => Promise<unknown> },
  ) {
    this.name = options.name;
    this.interface = options.interface;
    this.tid = options.thread.tid;
    this.namespacePath = options.thread.namespacePath;
    this.#caller = deps.caller;
    this.#setCable = deps.setCable;
  }

  /** `path` below /proc/sys, e.g. `net/ipv4/conf/all/arp_ignore`. */
  async setSysctl(path: string, value: string | number): Promise<void> {
    await this.#caller.call("setSysctl", { path, value: String(value) });
  }

  async addAddress(interfaceName: string, cidr: string): Promise<void> {
    await this.#caller.call("addAddress", { interface: interfaceName, cidr });
  }

  async deleteAddress(interfaceName: string, cidr: string): Promise<void> {
    await this.#caller.call("deleteAddress", { interface: interfaceName, cidr });
  }

  /** Answers every GET with `respond` (default: the host's name). The address must be the host's, or `0.0.0.0`. */
  async serveHttp(options: { address: string; port: number; respond?: string }): Promise<LabServer> {
    const respond = options.respond ?? this.name;
    const { server, port } = await this.#caller.call("serveHttp", { ...options, respond });
    return { port, stop: async () => void await this.#caller.call("stopHttp", { server }) };
  }

  /** Rejects when there is no answer within `timeoutMs` (default 5 s). */
  httpGet(url: string, options: { timeoutMs?: number } = {}): Promise<HttpAnswer> {
    return this.#caller.call("httpGet", { url, timeoutMs: options.timeoutMs ?? HTTP_TIMEOUT_MS });
  }

  async startProbe(options: ProbeOptions): Promise<LabProbe> {
    const { probe } = await this.#caller.call("startProbe", options);
    return {
      report: () => this.#caller.call("readProbe", { probe }),
      stop: () => this.#caller.call("stopProbe", { probe }),
    };
  }

  /** The kernel's ARP and NDP table. */
  neighbours(): Promise<Neighbour[]> {
    return this.#caller.call("neighbours", null);
  }

  /** Makes the host ask anew for `ip`. No entry is no error. */
  async flushNeighbour(ip: string): Promise<void> {
    await this.#caller.call("flushNeighbour", { ip });
  }

  /** Runs a program inside the host, for at most `timeoutMs` (default 30 s). */
  run(command: string, args: readonly string[] = [], options: { timeoutMs?: number } = {}): Promise<RunResult> {
    return this.#caller.call("run", { command, args, timeoutMs: options.timeoutMs ?? RUN_TIMEOUT_MS });
  }

  /** Starts a program inside the host; it is killed when the laboratory closes. */
  async spawn(command: string, args: readonly string[] = []): Promise<LabChild> {
    const { child, pid } = await this.#caller.call("spawn", { command, args });
    return {
      pid,
      result: () => this.#caller.call("awaitChild", { child }),
      kill: async (signal = "SIGTERM") => void await this.#caller.call("killChild", { child, signal }),
    };
  }

  /** The host's interface loses its carrier, as if the cable were pulled. */
  async cutCable(): Promise<void> {
    await this.#setCable(false);
  }

  async plugCable(): Promise<void> {
    await this.#setCable(true);
  }

  /** Ends its children, servers and probes, and the thread. */
  async close(): Promise<void> {
    await this.#caller.call("close", null);
    this.#caller.terminate();
  }
}
