/**
 * TCP ports of 127.0.0.1 that nobody uses now, and that the kernel gives to nobody: below its range for connections and
 * for listeners on port 0 (32,768 to 60,999 unless somebody changed it). One of that range may be taken by any
 * connection before the program that it is meant for listens, and again while a test has killed that program.
 */
const FIRST = 10_000;
const LAST = 32_000;

/** Each from its own place, at random: other test files look for ports at the same time. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => listenBetween(FIRST, LAST));
  for (const listener of listeners) listener.close();
  return listeners.map(({ addr }) => addr.port);
}

export function freePort(): number {
  return freePorts(1)[0]!;
}

/** All stay open until the last is found, so that no two are the same. */
function listenBetween(first: number, last: number): Deno.TcpListener {
  const size = last - first + 1;
  const start = crypto.getRandomValues(new Uint32Array(1))[0]!;
  for (let tries = 0; tries < size; tries++) {
    try {
      return Deno.listen({ hostname: "127.0.0.1", port: first + (start + tries) % size });
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error(`Every port of 127.0.0.1 from ${first} to ${last} is taken`);
}
