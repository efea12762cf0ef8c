/**
 * Strangers that use an address of ours, told to people: an event on each Service that has the address, a problem of the
 * Service (so a condition `herald.dev/AddressConflict` on this speaker's ConfigurationState), metrics, `/status` and a
 * log line.
 *
 * The condition does not stand on the Service itself: whoever may write a Service's status may send its traffic anywhere
 * (CVE-2020-8554), and that is no right for a program on every node.
 */
import type { ConflictReport, ConflictState, DoubleAnswerReport } from "../base/conflict.ts";
import type { KubeObject } from "../base/kube.ts";
import type { Log } from "../base/log.ts";
import type { Problem } from "../decision/config/problem.ts";
import type { ConflictCount } from "../edge/http/metallb_metrics.ts";
import type { EventToRecord } from "../edge/kube/events.ts";

export interface ConflictReporterDeps {
  readonly log: Log;
  /** `namespace/name` of the Services that have the address now. */
  readonly servicesOf: (address: string) => readonly string[];
  /** As the cache has it. */
  readonly service: (key: string) => KubeObject | undefined;
  readonly record: (event: EventToRecord) => void;
  /** The problems are others than before. */
  readonly onChange: () => void;
}

/** Counted for at most so many addresses, as the packet thread counts. */
const COUNTED_MAX = 8192;

export class ConflictReporter {
  readonly #node: string;
  readonly #deps: ConflictReporterDeps;
  readonly #active = new Map<string, ConflictReport>();
  /** By node that answers beside the speakers. */
  readonly #doubleAnswers = new Map<string, DoubleAnswerReport>();
  readonly #counts = new Map<string, { found: number; yielded: number }>();

  constructor(options: { readonly node: string }, deps: ConflictReporterDeps) {
    this.#node = options.node;
    this.#deps = deps;
  }

  take(report: ConflictReport): void {
    const { address, state, mac, interface: interfaceName, form } = report;
    const what = { address, mac, interface: interfaceName, form };
    switch (state) {
      case "probed":
        return this.#deps.log({ level: "info", event: "addressProbed", ...what });
      case "gone":
        if (this.#active.delete(address)) this.#deps.onChange();
        return this.#deps.log({ level: "info", event: "addressConflictOver", ...what });
      case "found":
      case "yielded":
        this.#count(address, state);
        this.#active.set(address, report);
        this.#deps.log({ level: "warn", event: "addressConflict", ...what, answered: state === "found" });
        this.#record(address, { reason: "addressConflict", message: this.#textOf(report) });
        this.#deps.onChange();
    }
  }

  /** Comes once an hour for each node while it goes on, so it is told as it comes. */
  takeDoubleAnswer(report: DoubleAnswerReport): void {
    const { address, state, other, mac, interface: interfaceName } = report;
    const what = { address, other, mac, interface: interfaceName };
    if (state === "gone") {
      this.#doubleAnswers.delete(other);
      this.#deps.log({ level: "info", event: "doubleAnswerOver", ...what });
    } else {
      this.#doubleAnswers.set(other, report);
      this.#deps.log({ level: "warn", event: "doubleAnswer", ...what });
      this.#record(address, { reason: "doubleAnswer", message: this.#textOfDoubleAnswer(report) });
    }
    this.#deps.onChange();
  }

  /** One for each Service that has an address with a conflict, and one for each node that answers for it too. */
  problems(): Problem[] {
    const conflicts = [...this.#active.values()].flatMap((report) =>
      this.#problemsOf(report.address, { reason: "addressConflict", message: this.#textOf(report) })
    );
    const doubleAnswers = this.doubleAnswers().flatMap((report) =>
      this.#problemsOf(report.address, { reason: "doubleAnswer", message: this.#textOfDoubleAnswer(report) })
    );
    return [...conflicts, ...doubleAnswers];
  }

  /** The nodes of the cluster that answer for what they do not own, each with one such address. */
  doubleAnswers(): DoubleAnswerReport[] {
    return [...this.#doubleAnswers.values()];
  }

  /** Since start, by address. */
  counts(): ConflictCount[] {
    return [...this.#counts].map(([ip, { found, yielded }]) => ({
      ip,
      found,
      yielded,
      active: this.#active.get(ip)?.mac,
    }));
  }

  inspect(): Record<string, { state: ConflictState; mac: string; interface: string; form: string }> {
    return Object.fromEntries([...this.#active].map(([address, { state, mac, interface: on, form }]) => [
      address,
      { state, mac, interface: on, form },
    ]));
  }

  #problemsOf(address: string, what: Pick<Problem, "reason" | "message">): Problem[] {
    return this.#deps.servicesOf(address).map((key) => {
      const [namespace = "", name = ""] = key.split("/");
      return { severity: "warning", kind: "Service", namespace, name, path: "", ...what };
    });
  }

  #count(address: string, state: "found" | "yielded"): void {
    const known = this.#counts.get(address);
    if (known === undefined && this.#counts.size === COUNTED_MAX) return;
    const counts = known ?? { found: 0, yielded: 0 };
    counts[state]++;
    this.#counts.set(address, counts);
  }

  #record(address: string, event: { readonly reason: string; readonly message: string }): void {
    for (const key of this.#deps.servicesOf(address)) {
      const object = this.#deps.service(key);
      if (object !== undefined) this.#deps.record({ object, type: "Warning", ...event });
    }
  }

  #textOfDoubleAnswer({ address, other, mac, interface: interfaceName }: DoubleAnswerReport): string {
    return `node "${other}" answers for ${address} too (${mac}, seen on interface "${interfaceName}" of node ` +
      `"${this.#node}"), and clients go to whoever answers first: set strictARP in kube-proxy's configuration ` +
      "(arp_ignore=1, arp_announce=2)";
  }

  #textOf({ address, mac, interface: interfaceName, state }: ConflictReport): string {
    const seen = `a station that is no speaker of this cluster, ${mac}, seen on interface "${interfaceName}" of node ` +
      `"${this.#node}",`;
    const what = state === "yielded"
      ? `${seen} had ${address} first: the node does not answer for it, and asks again at least every 90 s`
      : `${seen} claims ${address} too: the node goes on answering and announces it against that at most every 10 s`;
    return `${what}; give that station another address, or take this one out of the IPAddressPool; if it is a node of ` +
      "this cluster, set strictARP in kube-proxy's configuration (arp_ignore=1)";
  }
}
