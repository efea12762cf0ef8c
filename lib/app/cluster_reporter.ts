/**
 * What goes on between the speakers, told to people: a partition that made two nodes answer for one address, members
 * that are not Herald, a node with a hardware address of ours, and (`--safe`) that this speaker is cut off and so answers
 * nothing. As events on Services, a problem of the Node, metrics, `/status` and log lines.
 */
import type { Json } from "../base/json.ts";
import type { SharedMacReport } from "../base/conflict.ts";
import type { Log } from "../base/log.ts";
import type { FromPacketThread } from "../base/wanted.ts";
import type { Problem } from "../decision/config/problem.ts";
import type { ClusterCounts } from "../edge/http/metallb_metrics.ts";

export type ClusterNews = FromPacketThread & {
  readonly kind: "splitHealed" | "foreignMembers" | "sharedMac" | "cutOff";
};

export interface ClusterReporterDeps {
  readonly log: Log;
  /** An event on each Service that has the address now. */
  readonly warn: (address: string, event: { readonly reason: "announcedTwice"; readonly message: string }) => void;
  /** The problems are others than before. */
  readonly onChange: () => void;
}

/** Counted for at most so many addresses, as the packet thread counts. */
const COUNTED_MAX = 8192;

export class ClusterReporter {
  readonly #node: string;
  readonly #deps: ClusterReporterDeps;
  readonly #splits = new Map<string, number>();
  /** By the other node. */
  readonly #sharedMacs = new Map<string, SharedMacReport>();
  #foreignMembers: readonly string[] = [];
  #cutOff = false;

  constructor(options: { readonly node: string }, deps: ClusterReporterDeps) {
    this.#node = options.node;
    this.#deps = deps;
  }

  take(news: ClusterNews): void {
    switch (news.kind) {
      case "splitHealed":
        return this.#takeSplit(news.address, news);
      case "foreignMembers":
        this.#foreignMembers = news.nodes;
        return this.#deps.log({ level: "info", event: "membersThatAreNotHerald", nodes: [...news.nodes] });
      case "sharedMac":
        return this.#takeSharedMac(news);
      case "cutOff":
        this.#cutOff = news.cutOff;
        return this.#deps.log(
          news.cutOff ? { level: "warn", event: "cutOffFromCluster" } : { level: "info", event: "backInCluster" },
        );
    }
  }

  problems(): Problem[] {
    return [...this.#sharedMacs.values()].map(({ other, mac, interface: interfaceName }) => ({
      severity: "warning",
      kind: "Node",
      namespace: "",
      name: this.#node,
      path: "",
      reason: "sharedMac",
      message: `interface "${interfaceName}" and node "${other}" have the same MAC address, ${mac}, as copies of one ` +
        "virtual machine do: switches send what is for one to the other; give one of them another address",
    }));
  }

  counts(): ClusterCounts {
    return {
      splits: [...this.#splits].map(([ip, count]) => ({ ip, count })),
      foreignMembers: this.#foreignMembers.length,
      cutOff: this.#cutOff,
    };
  }

  inspect(): Json {
    return {
      foreignMembers: this.#foreignMembers,
      cutOff: this.#cutOff,
      splitsHealed: Object.fromEntries(this.#splits),
    };
  }

  #takeSharedMac(report: SharedMacReport): void {
    const { state, other, mac, interface: interfaceName } = report;
    const what = { other, mac, interface: interfaceName };
    if (state === "found") {
      this.#sharedMacs.set(other, report);
      this.#deps.log({ level: "warn", event: "sharedMac", ...what });
    } else {
      this.#sharedMacs.delete(other);
      this.#deps.log({ level: "info", event: "sharedMacOver", ...what });
    }
    this.#deps.onChange();
  }

  #takeSplit(address: string, { other, keeps }: { readonly other: string; readonly keeps: string }): void {
    if (this.#splits.has(address) || this.#splits.size < COUNTED_MAX) {
      this.#splits.set(address, (this.#splits.get(address) ?? 0) + 1);
    }
    this.#deps.log({ level: "warn", event: "announcedTwice", ips: [address], other, keeps });
    // Both find out; the one that goes on tells the Service.
    if (keeps !== this.#node) return;
    const message =
      `nodes "${this.#node}" and "${other}" both announced ${address} while they did not hear each other; ` +
      `"${keeps}" goes on`;
    this.#deps.warn(address, { reason: "announcedTwice", message });
  }
}
