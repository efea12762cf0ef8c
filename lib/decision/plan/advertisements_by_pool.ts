/** Which advertisements select a pool, asked for each Service: made once for all of them. */

/** In the order given. */
export function advertisementsByPool<Advertisement extends { readonly pools: ReadonlySet<string> }>(
  advertisements: readonly Advertisement[],
): ReadonlyMap<string, readonly Advertisement[]> {
  const byPool = new Map<string, Advertisement[]>();
  for (const advertisement of advertisements) {
    for (const pool of advertisement.pools) {
      const list = byPool.get(pool);
      if (list === undefined) byPool.set(pool, [advertisement]);
      else list.push(advertisement);
    }
  }
  return byPool;
}
