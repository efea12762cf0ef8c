/** TCP ports of 127.0.0.1 that nobody uses now. */

/** All are open at the same time, so that no two are the same. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  for (const listener of listeners) listener.close();
  return listeners.map(({ addr }) => addr.port);
}

export function freePort(): number {
  return freePorts(1)[0]!;
}
