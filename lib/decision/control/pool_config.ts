/**
 * The configuration as the converge loop uses it, made anew only when something that it is made of has changed: the
 * counters in a pool's status and the heartbeats of namespaces come by with every list, and change nothing.
 */
import { isRecord } from "../../base/json.ts";
import type { KubeObject } from "../../base/kube.ts";
import { compareText, type Config, type PoolAllocation } from "../config/config.ts";
import { POOL_CLASSES, POOL_REUSE_AFTER } from "../config/pool_annotations.ts";
import type { Problem } from "../config/problem.ts";
import { resolveConfig } from "../config/resolve.ts";

export class PoolConfig {
  /** All of them; `undefined` before they are known. */
  pools: readonly KubeObject[] | undefined;
  /** Only needed where pools have namespace selectors. */
  namespaces: readonly KubeObject[] | undefined;
  #problems: readonly Problem[] = [];
  /** Everything that the configuration was made from, as texts. */
  #seen: { readonly pools: string; readonly namespaces: string } | undefined;
  /** The namespaces that each pool is for. */
  #selected = "";

  /** What is wrong with the pools; another list after each time that it was looked for. */
  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** `undefined` when it is what it was, or when the pools are not known yet. */
  resolve(): Config | undefined {
    const { pools, namespaces } = this;
    if (pools === undefined) return undefined;
    const seen = { pools: textOfPools(pools), namespaces: textOfNamespaces(namespaces, pools) };
    const isSamePools = seen.pools === this.#seen?.pools;
    if (isSamePools && seen.namespaces === this.#seen?.namespaces) return undefined;
    this.#seen = seen;
    const { config, problems } = resolveConfig({
      ipAddressPools: pools,
      ...(namespaces === undefined ? {} : { namespaces }),
    });
    this.#problems = problems;
    const selected = JSON.stringify(config.pools.map(({ allocation }) => selectedBy(allocation)));
    const isSame = isSamePools && selected === this.#selected;
    this.#selected = selected;
    return isSame ? undefined : config;
  }
}

function textOfPools(pools: readonly KubeObject[]): string {
  return JSON.stringify(pools.map((pool) => {
    const { namespace, name, annotations } = pool?.metadata ?? {};
    return [namespace, name, annotations?.[POOL_CLASSES], annotations?.[POOL_REUSE_AFTER], pool?.["spec"]];
  }));
}

/** Empty where no pool asks for them: in a cluster that makes and removes namespaces all the time they must cost nothing. */
function textOfNamespaces(namespaces: readonly KubeObject[] | undefined, pools: readonly KubeObject[]): string {
  const areAskedFor = pools.some((pool) => isRecord(pool?.["spec"]) && isRecord(pool["spec"]["serviceAllocation"]));
  if (!areAskedFor || namespaces === undefined) return "";
  return JSON.stringify(namespaces.map((one) => [one?.metadata?.name, one?.metadata?.labels]));
}

function selectedBy(allocation: PoolAllocation | undefined): unknown {
  if (allocation === undefined || allocation.namespaces === "all") return null;
  return [...allocation.namespaces].sort(compareText);
}
