/** What must hold in a cluster, said without knowing how it is done. */
import type { Millis } from "../../lib/base/time.ts";
import type { SimNode } from "./sim_node.ts";
import type { Checker, Stage } from "./stage.ts";

/** A hand-over ends after 2 s whatever happens; the rest is the way of the frames and the news. */
const OVERLAP_MS_MAX = 2100;

/** Whoever was a candidate may go on answering for a hand-over's time, and then some. */
const LINGER_MS_MAX = 2150;

/** In a settled cluster the first living candidate answers, and nobody else, and the client's packets go there. */
export function oneOwner(cluster: Stage): Checker {
  return { ...oneAnswers(cluster), ...onlyOwnerSpeaks(cluster), ...packetsArrive(cluster) };
}

/** In a settled cluster every request is answered by the owner alone, and always by the same. */
export function oneAnswers(cluster: Stage): Checker {
  const before = new Map<string, { readonly since: Millis; readonly node: SimNode }>();
  return {
    onAnswers({ address, at, on }, nodes) {
      if (!isSettled(cluster, at)) return undefined;
      const { nodes: possible, must } = cluster.answerers(address, on);
      const [node] = nodes;
      const isRight = node === undefined ? !must : nodes.length === 1 && possible.includes(node);
      // The wait of who came back may be over at any moment, and the address is handed over.
      if (nodes.length === 2 && typeof cluster.failback === "number" && nodes.every((it) => possible.includes(it))) {
        return undefined;
      }
      if (!isRight) return `${address} is answered by [${names(nodes)}] instead of ${namesOf(possible)} on ${on}`;
      if (node === undefined) return undefined;
      const since = cluster.wholeSince!;
      const last = before.get(address);
      before.set(address, { since, node });
      if (last === undefined || last.since !== since || last.node === node) return undefined;
      // Its wait is over; that it was long enough is another checker's question.
      if (typeof cluster.failback === "number" && node === cluster.expectedOwner(address)) return undefined;
      return `${address} moves from ${last.node.name} to ${node.name} for nothing`;
    },
  };
}

/** In a settled cluster nobody but the owner sends a frame that speaks for an address. */
export function onlyOwnerSpeaks(cluster: Stage): Checker {
  return {
    onFrame(node, { address, on }) {
      if (!isSettled(cluster, cluster.time.now) || !cluster.addresses.has(address)) return undefined;
      const { nodes } = cluster.answerers(address, on);
      return nodes.includes(node)
        ? undefined
        : `${node.name} speaks for ${address} on ${on}, where it is ${namesOf(nodes)}'s`;
    },
  };
}

/** In a settled cluster the client's packets go to the owner. */
export function packetsArrive(cluster: Stage): Checker {
  return {
    onPacket({ address, on }, to) {
      const { nodes, must } = cluster.answerers(address, on);
      if (!isSettled(cluster, cluster.time.now) || !must) return undefined;
      if (to !== undefined && nodes.includes(to)) return undefined;
      // MetalLB tells the segment for 5 s and never again: whom nothing of that reached has to find out by itself.
      if (nodes.some(({ program }) => program === "metallb")) return undefined;
      return `the client on ${on} sends to ${to?.name ?? "nowhere"} for ${address} instead of to ${namesOf(nodes)}`;
    },
  };
}

function isSettled(cluster: Stage, at: Millis): boolean {
  return cluster.wholeSince !== undefined && at - cluster.wholeSince >= cluster.settledMs;
}

/** Nobody speaks for an address that it was not told to be wanted, or for which it is no candidate any more. */
export function nothingUnwanted(cluster: Stage): Checker {
  return {
    onFrame(node, { address }) {
      const told = node.told.get(address);
      if (told === undefined) return `${node.name} speaks for ${address}, which it was not told to be wanted`;
      if (told.candidates.includes(node.name)) return undefined;
      const droppedMs = cluster.time.now - (node.droppedAt.get(address) ?? -Infinity);
      return droppedMs <= LINGER_MS_MAX ? undefined : `${node.name} speaks for ${address} and is no candidate`;
    },
  };
}

/** While nothing is broken, two nodes answer for as long as a hand-over may take at most. */
export function shortOverlaps(cluster: Stage, options: { msMax?: number } = {}): Checker {
  const { msMax = OVERLAP_MS_MAX } = options;
  const since = new Map<string, Millis>();
  return {
    onAnswers({ address, at, on }, nodes) {
      const key = `${address} ${on}`;
      if (new Set(nodes).size < 2) {
        since.delete(key);
        return undefined;
      }
      const begun = since.get(key) ?? at;
      since.set(key, begun);
      // In parts of a divided network each has its own right.
      const wholeMs = at - Math.max(begun, cluster.unbrokenSince ?? Infinity);
      if (!(wholeMs > msMax)) return undefined;
      return `${address} has been answered by ${names(nodes)} for ${wholeMs.toFixed(0)} ms`;
    },
  };
}

/**
 * While only planned things happen, every request is answered from the first answer on. One exception, which frames that
 * take milliseconds make visible: a solicitation that is under way while an IPv6 address moves may reach the old owner
 * when it has just stopped, and the new one not at all, because the switch did not know it as a member of the group yet.
 */
export function noSilence(cluster: Stage): Checker {
  const answered = new Set<string>();
  const missed = new Set<string>();
  return {
    onAnswers({ address, at, ip, on }, nodes) {
      const key = `${address} ${on}`;
      const isFirst = !missed.delete(key);
      if (nodes.length > 0) answered.add(key);
      // Whoever takes an address up after nobody could have it needs a while.
      else if (!cluster.answerers(address, on).must) answered.delete(key);
      else if (answered.has(key)) {
        if (ip.family === 4 || !isFirst) return `nobody answers for ${address} on ${on} at ${at.toFixed(1)}`;
        missed.add(key);
      }
      return undefined;
    },
  };
}

/** News of a change are with everybody, and the hand-overs that followed from it are over. */
const CHANGE_MS_MAX = 3000;
/** How much later than its question an answer may have been sent. */
const ANSWER_MS = 20;

/** Where a failback policy holds, nobody takes an address from who can go on before the time of the policy is over. */
export function keptLongEnough(cluster: Stage): Checker {
  const holders = new Map<string, { readonly node: SimNode; readonly seenAt: Millis }>();
  return {
    onAnswers({ address, at }, [node, second]) {
      if (node === undefined || second !== undefined) return undefined;
      const last = holders.get(address);
      holders.set(address, { node, seenAt: at });
      if (last === undefined || last.node === node) return undefined;
      const { failback } = cluster;
      if (cluster.isMixed || failback === "immediate" || !cluster.isPrompt || at - cluster.changedAt < CHANGE_MS_MAX) {
        return undefined;
      }
      if (!(at - (cluster.unbrokenSince ?? Infinity) >= cluster.settledMs)) return undefined;
      const candidates = cluster.candidates(address);
      if (!candidates.includes(last.node.name)) return undefined;
      const hadIt = (cluster.servesSince(last.node, address) ?? Infinity) <= last.seenAt;
      const waitedMs = at + ANSWER_MS - (cluster.servesSince(node, address) ?? -Infinity);
      if (!hadIt || waitedMs >= (failback === "never" ? Infinity : failback)) return undefined;
      return `${address} moves from ${last.node.name} to ${node.name}, back for ${waitedMs.toFixed(0)} ms: ${failback}`;
    },
  };
}

/** The first announcement of anybody but `killed`, for each address, after `killedAt`. */
export function claimsAfter(cluster: Stage, killed: SimNode, killedAt: Millis): Map<string, Millis> {
  const claims = new Map<string, Millis>();
  cluster.onClaim((node, address) => {
    if (node !== killed && !claims.has(address)) claims.set(address, cluster.time.now - killedAt);
  });
  return claims;
}

function namesOf(possible: readonly SimNode[]): string {
  return possible.map(({ name }) => name).join(" or ") || "nobody";
}

function names(nodes: readonly SimNode[]): string {
  return nodes.map(({ name }) => name).join(", ");
}
