/**
 * What the laboratory's main side asks of its Workers, and how a call crosses the thread boundary: types only.
 *
 * All arguments and results are plain data. Times in results are wall milliseconds with a fraction, taken from
 * `performance.timeOrigin + performance.now()`, so that those of several threads of one process compare.
 */
import type { Mac } from "../../base/mac.ts";
import type { Neighbour } from "../net/netlink_codec.ts";

/** Calls of one Worker by name. */
export type CallTable = Readonly<Record<string, { args: unknown; result: unknown }>>;

/** Main to Worker. */
export interface CallRequest {
  readonly id: number;
  readonly name: string;
  readonly args: unknown;
}

/** Worker to main: one per request. `operation` and `errno` are there when a system call failed. */
export type CallReply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | {
    readonly id: number;
    readonly ok: false;
    readonly message: string;
    readonly operation?: string;
    readonly errno?: number;
  };

export interface StartedThread {
  readonly tid: number;
  /** `/proc/<pid>/task/<tid>/ns/net` */
  readonly namespacePath: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly durationMs: number;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** It ran longer than allowed and was killed. */
  readonly timedOut: boolean;
}

export interface ProbeOptions {
  /** Literal IP address. */
  readonly address: string;
  readonly port: number;
  /** From one start to the next; probes do not wait for each other. */
  readonly intervalMs: number;
  /** From connect to the last byte of the answer. */
  readonly timeoutMs: number;
}

export interface ProbeReport {
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  /**
   * Of these, connections that were open and got a reset: they met a node that did not know them, as every open
   * connection does when its address moves on layer 2.
   */
  readonly cut: number;
  /** Not sent because too many were under way. */
  readonly skipped: number;
  /** Times without an answer longer than five intervals; the first 1,000. */
  readonly gaps: readonly ProbeGap[];
  /** Longest time from one answer to the next, start and stop included. */
  readonly longestGapMs: number;
  /** The last 10,000 probes in the order of their ends. */
  readonly samples: readonly ProbeSample[];
  /** How often each body was the answer; the first 16 different ones. */
  readonly bodies: Readonly<Record<string, number>>;
}

export interface ProbeGap {
  /** Wall time of the last answer before, and of the first after. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly lengthMs: number;
}

export interface ProbeSample {
  /** Wall time of the start. */
  readonly startMs: number;
  readonly durationMs: number;
  /** Body of the answer, `undefined` when there was none in time. */
  readonly body: string | undefined;
}

export type HostCalls = {
  start: { args: null; result: StartedThread };
  configure: { args: { interface: string; addresses: readonly string[] }; result: null };
  setSysctl: { args: { path: string; value: string }; result: null };
  addAddress: { args: { interface: string; cidr: string }; result: null };
  deleteAddress: { args: { interface: string; cidr: string }; result: null };
  serveHttp: { args: { address: string; port: number; respond: string }; result: { server: number; port: number } };
  stopHttp: { args: { server: number }; result: null };
  httpGet: { args: { url: string; timeoutMs: number }; result: HttpAnswer };
  startProbe: { args: ProbeOptions; result: { probe: number } };
  readProbe: { args: { probe: number }; result: ProbeReport };
  stopProbe: { args: { probe: number }; result: ProbeReport };
  neighbours: { args: null; result: Neighbour[] };
  flushNeighbour: { args: { ip: string }; result: null };
  run: { args: { command: string; args: readonly string[]; timeoutMs: number }; result: RunResult };
  spawn: { args: { command: string; args: readonly string[] }; result: { child: number; pid: number } };
  awaitChild: { args: { child: number }; result: RunResult };
  killChild: { args: { child: number; signal: Deno.Signal }; result: null };
  close: { args: null; result: null };
};

export type SwitchCalls = {
  start: { args: null; result: StartedThread };
  /** Lays a cable from the switch to the thread's namespace; the far end gets the given name. */
  connect: { args: { tid: number; interface: string; mac?: Mac }; result: { port: number } };
  setCable: { args: { port: number; plugged: boolean }; result: null };
};

export type RequirementCalls = {
  tryNetwork: { args: null; result: "root" | "user namespace" };
};
