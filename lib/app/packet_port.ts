/**
 * The control thread's end of a packet thread: starts the Worker, posts to it and wakes it, hears what it reports.
 *
 * The Worker sleeps in poll(2), so every message is followed by a write to its eventfd. Ending it goes the same way: after
 * a `terminate()` of a thread that sleeps in libc the process would never end by itself (deno-facts §2.2).
 */
import { SHARED_COUNTERS_BYTES, SharedCounters } from "../base/shared_counters.ts";
import type { JsonObject } from "../base/json.ts";
import type { FromPacketThread, ToPacketThread, WantedDelta } from "../base/wanted.ts";
import { type LinkList, listInBackground } from "../edge/net/background_list.ts";
import { LIBC_PATHS } from "../edge/net/libc.ts";
import { WakeUp } from "../edge/net/wake_up.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { LinksListed } from "./link_follower.ts";
import type { PacketThreadInit } from "./packet_thread.ts";

export type PacketPortOptions = Omit<PacketThreadInit, "counters" | "wakeFd" | "port">;

export interface PacketPortDeps {
  readonly onEvent: (event: FromPacketThread) => void;
}

const INSPECT_TIMEOUT_MS = 1000;
const BEAT_MS = 1000;

export class PacketPort {
  readonly counters: SharedCounters;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #wakeUp = WakeUp.create();
  readonly #deps: PacketPortDeps;
  readonly #inspections = new Map<number, (state: JsonObject) => void>();
  readonly #ended = Promise.withResolvers<void>();
  #inspectionId = 0;
  readonly #heartbeat = new Heartbeat({ runningBeatsMax: 5, startingBeatsMax: 60 });
  readonly #beat = setInterval(() => this.#listen(), BEAT_MS);
  #listing: Promise<void> | undefined;
  #over = false;

  constructor(options: PacketPortOptions, deps: PacketPortDeps) {
    this.#deps = deps;
    const counters = new SharedArrayBuffer(SHARED_COUNTERS_BYTES);
    this.counters = new SharedCounters(counters);
    this.#worker = new Worker(new URL("./packet_worker.ts", import.meta.url), {
      type: "module",
      name: `packets of ${options.node}`,
      deno: {
        permissions: {
          ffi: [...LIBC_PATHS],
          read: false,
          net: false,
          env: false,
          run: false,
          sys: false,
          write: false,
        },
      },
    });
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#receive({ kind: "failed", message: event.message });
    };
    const channel = new MessageChannel();
    this.#port = channel.port1;
    this.#port.onmessage = ({ data }: MessageEvent<readonly FromPacketThread[]>) => {
      for (const report of data) this.#receive(report);
    };
    const init: PacketThreadInit = { ...options, counters, wakeFd: this.#wakeUp.fd, port: channel.port2 };
    this.#worker.postMessage(init, [channel.port2]);
  }

  /** The secret that the speakers share is another one from now on. */
  changeSecret(secret: Uint8Array): void {
    this.#post({ kind: "secret", secret });
  }

  /** Whether what is sent comes from a snapshot: said before it, and after what takes its place. */
  tellRestored(restored: boolean): void {
    this.#post({ kind: "restored", restored });
  }

  /** Whether the API server answers. */
  tellApi(reachable: boolean): void {
    this.#post({ kind: "api", reachable });
  }

  send(delta: WantedDelta): void {
    this.#post({ kind: "delta", delta });
  }

  /** The machines' pictures, or `undefined` when the thread does not answer within a second. */
  inspect(): Promise<JsonObject | undefined> {
    if (this.#over) return Promise.resolve(undefined);
    const id = ++this.#inspectionId;
    const { promise, resolve } = Promise.withResolvers<JsonObject | undefined>();
    const timer = setTimeout(() => {
      this.#inspections.delete(id);
      resolve(undefined);
    }, INSPECT_TIMEOUT_MS);
    this.#inspections.set(id, (state) => {
      clearTimeout(timer);
      resolve(state);
    });
    this.#post({ kind: "inspect", id });
    return promise;
  }

  /** A thread whose loop stands still for seconds is stuck, or starved beyond use: the process ends and starts anew. */
  #listen(): void {
    if (this.#heartbeat.beat(this.counters.read("loopTurns"))) return;
    const silentMs = this.#heartbeat.silentBeats * BEAT_MS;
    this.#receive({ kind: "failed", message: `its loop stood still for ${silentMs} ms` });
  }

  /** Hands over and ends; resolves when the thread has. */
  stop(): Promise<void> {
    this.#post({ kind: "stop" });
    return this.#ended.promise;
  }

  /** Ends the thread without a hand-over, as a power cut would; resolves when it has. */
  cut(): Promise<void> {
    this.#post({ kind: "cut" });
    return this.#ended.promise;
  }

  #post(message: ToPacketThread | LinksListed): void {
    if (this.#over) return;
    this.#port.postMessage(message);
    this.#wakeUp.wake();
  }

  #receive(event: FromPacketThread): void {
    if (this.#over) return;
    if (event.kind === "inspected") {
      this.#inspections.get(event.id)?.(event.state);
      this.#inspections.delete(event.id);
      return;
    }
    if (event.kind === "listLinks") {
      this.#listing = this.#listLinks(event.fd);
      return;
    }
    this.#deps.onEvent(event);
    if (event.kind === "stopped" || event.kind === "failed") this.#end();
  }

  async #listLinks(fd: number): Promise<void> {
    let list: LinkList | undefined;
    try {
      list = await listInBackground(fd);
    } catch (error) {
      const event = { level: "warn", event: "linksNotListed", error: String(error) } as const;
      this.#receive({ kind: "log", event });
    }
    this.#post({ kind: "links", list });
  }

  #end(): void {
    this.#over = true;
    clearInterval(this.#beat);
    this.#port.close();
    this.#wakeUp.close();
    // One that is under way still uses its socket.
    this.#ended.resolve(this.#listing);
  }
}
