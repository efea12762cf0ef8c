/**
 * The configuration as the converge loop uses it, made anew only when something that it is made of has changed: the
 * counters in a pool's status and the heartbeats of namespaces come by with every list, and change nothing.
 */
import type { KubeObject } from "../../base/kube.ts";
import type { Config } from "../config/config.ts";
import { POOL_CLASSES, POOL_REUSE_AFTER } from "../config/pool_annotations.ts";
import type { Problem } from "../config/problem.ts";
import { resolveConfig } from "../config/resolve.ts";

export class PoolConfig {
  /** All of them; `undefined` before they are known. */
  pools: readonly KubeObject[] | undefined;
  /** Only needed where pools have namespace selectors. */
  namespaces: readonly KubeObject[] | undefined;
  #problems: readonly Problem[] = [];
  /** Everything that the configuration was made from, as one text. */
  #seen: string | undefined;

  /** What is wrong with the pools. */
  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** `undefined` when it is what it was, or when the pools are not known yet. */
  resolve(): Config | undefined {
    const { pools, namespaces } = this;
    if (pools === undefined) return undefined;
    const seen = fingerprint(pools, namespaces);
    if (seen === this.#seen) return undefined;
    this.#seen = seen;
    const { config, problems } = resolveConfig({
      ipAddressPools: pools,
      ...(namespaces === undefined ? {} : { namespaces }),
    });
    this.#problems = problems;
    return config;
  }
}

function fingerprint(pools: readonly KubeObject[], namespaces: readonly KubeObject[] | undefined): string {
  const parts: unknown[] = pools.map((pool) => {
    const { namespace, name, annotations } = pool?.metadata ?? {};
    return [namespace, name, annotations?.[POOL_CLASSES], annotations?.[POOL_REUSE_AFTER], pool?.["spec"]];
  });
  for (const one of namespaces ?? []) parts.push([one?.metadata?.name, one?.metadata?.labels]);
  return JSON.stringify([namespaces === undefined, ...parts]);
}
