/**
 * A TCP proxy on loopback that breaks what goes through it: resets, ends, stalls, cuts after so many bytes, refuses.
 *
 * It forwards bytes without looking at them, so a TLS session through it breaks as it breaks on a real network.
 */
import net from "node:net";

interface Pair {
  readonly client: net.Socket;
  readonly server: net.Socket;
  stalled: boolean;
  /** Bytes towards the client after which the connection is cut. */
  cutAfter: number | undefined;
}

export type Fault = "reset" | "end" | "stall" | "cut";

export class FaultProxy {
  readonly #target: { readonly hostname: string; readonly port: number };
  readonly #listener: net.Server;
  readonly #pairs = new Set<Pair>();
  #refusing = false;
  #stallNew = false;
  connections = 0;

  private constructor(target: { readonly hostname: string; readonly port: number }) {
    this.#target = target;
    this.#listener = net.createServer((client) => this.#accept(client));
  }

  static async start(target: { readonly hostname: string; readonly port: number }): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await new Promise<void>((resolve) => proxy.#listener.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#listener.address() as net.AddressInfo).port;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Breaks every open connection in this way. */
  break(fault: Fault, options: { readonly afterBytes?: number } = {}): void {
    for (const pair of [...this.#pairs]) {
      if (fault === "reset") {
        pair.client.resetAndDestroy();
        pair.server.destroy();
      } else if (fault === "end") {
        pair.client.end();
        pair.server.destroy();
      } else if (fault === "stall") pair.stalled = true;
      else pair.cutAfter = options.afterBytes ?? 10;
    }
  }

  /** New connections are reset as soon as they are made. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing;
  }

  /** New connections are accepted and then hear nothing. */
  stallNew(stalling: boolean): void {
    this.#stallNew = stalling;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    await closed;
  }

  #accept(client: net.Socket): void {
    this.connections++;
    client.on("error", () => {});
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = net.connect(this.#target.port, this.#target.hostname);
    const pair: Pair = { client, server, stalled: this.#stallNew, cutAfter: undefined };
    this.#pairs.add(pair);
    server.on("error", () => client.destroy());
    server.on("data", (bytes: Uint8Array) => this.#toClient(pair, bytes));
    client.on("data", (bytes: Uint8Array) => {
      if (!pair.stalled) server.write(bytes);
    });
    // A stalled connection does not even tell that its other end has gone.
    server.on("close", () => {
      if (!pair.stalled) client.end();
    });
    client.on("close", () => {
      server.destroy();
      this.#pairs.delete(pair);
    });
  }

  #toClient(pair: Pair, bytes: Uint8Array): void {
    if (pair.stalled) return;
    if (pair.cutAfter === undefined) {
      pair.client.write(bytes);
      return;
    }
    const part = bytes.subarray(0, pair.cutAfter);
    pair.cutAfter -= part.length;
    pair.client.write(part);
    if (pair.cutAfter === 0) {
      pair.client.end();
      pair.server.destroy();
    }
  }
}
