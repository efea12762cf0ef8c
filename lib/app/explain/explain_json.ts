/**
 * What `herald explain -o json` prints (DESIGN §7). Programs read it: members are added, never renamed.
 *
 *     {"services": [{"namespace", "name",
 *        "allocation": {"outcome", "pool", "addresses", "reason", "message", "events": [{"type", "reason", "message"}]},
 *        "layer2": [{"address", "announcer", "interfaces", "candidates", "excluded": [{"node", "reason", "message"}],
 *          "order": [{"node", "preference"}], "warnings": [{"reason", "message"}],
 *          "policy": {"failback", "probe", "linkProbes", "decidedBy": {"failback", "probe", "linkProbes"}}}],
 *        "bgp": [{"node", "peer", "announced": [{"prefix", "localPref", "communities"}], "excluded": [{"reason", "message"}]}]}],
 *      "pools": [{"name", "assignedIPv4", "assignedIPv6", "availableIPv4", "availableIPv6", "restingIPv4", "restingIPv6",
 *        "skippedIPv4"}]}
 *
 * A counter is a number, and a text of digits where a JSON number could not hold it exactly (beyond 2^53 - 1).
 * `layer2` and `bgp` are empty for a Service that has no address. Where a reason holds for every node and no nodes are
 * known, `node` is `*`.
 */
import type { Json, JsonObject } from "../../base/json.ts";
import type { DecidedPolicy } from "../../decision/plan/address_policy.ts";
import type { ServiceExplanation, WorldExplanation } from "../../decision/control/explain_world.ts";
import { poolJson } from "../cli/pool_table.ts";

export function explainJson(world: Pick<WorldExplanation, "services" | "pools">): JsonObject {
  return {
    services: world.services.map(serviceJson),
    pools: world.pools.map(poolJson),
  };
}

function serviceJson({ namespace, name, allocation, layer2, bgp }: ServiceExplanation): Json {
  const { outcome, pool, addresses, reason, message, events } = allocation;
  return {
    namespace,
    name,
    allocation: {
      outcome,
      pool,
      addresses: [...addresses],
      reason,
      message,
      events: events.map((event) => ({ type: event.type, reason: event.reason, message: event.message })),
    },
    layer2: (layer2?.addresses ?? []).map((address) => ({
      address: address.address,
      announcer: address.announcer,
      interfaces: address.interfaces === "all" ? "all" : [...address.interfaces],
      candidates: [...address.candidates],
      excluded: address.excluded.map(({ node, reason, message }) => ({ node, reason, message })),
      order: address.order.map(({ node, preference }) => ({ node, preference })),
      policy: policyJson(address.policy),
      warnings: address.warnings.map(({ reason, message }) => ({ reason, message })),
    })),
    bgp: bgp.map(({ node, peer, announced, excluded }) => ({
      node,
      peer,
      announced: announced.map(({ prefix, localPref, communities }) => ({
        prefix,
        localPref,
        communities: [...communities],
      })),
      excluded: excluded.map(({ reason, message }) => ({ reason, message })),
    })),
  };
}

function policyJson({ failback, probe, linkProbes, decidedBy }: DecidedPolicy): Json {
  return {
    failback: typeof failback === "string" ? failback : { afterMs: failback.afterMs },
    probe,
    linkProbes: [...linkProbes],
    decidedBy: {
      failback: decidedBy.failback ?? null,
      probe: decidedBy.probe ?? null,
      linkProbes: { ...decidedBy.linkProbes },
    },
  };
}
