/**
 * Entry of the Worker that runs the packet thread. Its first message is the init; after that the thread blocks in its
 * loop, hears only through the port, and ends itself when the loop is over.
 */
/// <reference lib="deno.worker" />
import type { FromPacketThread } from "../base/wanted.ts";
import { PacketThread, type PacketThreadInit } from "./packet_thread.ts";

declare const self: DedicatedWorkerGlobalScope;

self.onmessage = ({ data }: MessageEvent<PacketThreadInit>) => {
  try {
    new PacketThread(data).run();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    data.port.postMessage([{ kind: "failed", message }] satisfies FromPacketThread[]);
  }
  self.close();
};
