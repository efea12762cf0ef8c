/** `tests/golden/memberlist_051.txt`: what memberlist v0.5.1 writes for every message, and what a real cluster of it sent. */
import capture from "../golden/memberlist_051_plain.pcap" with { type: "bytes" };
import text from "../golden/memberlist_051.txt" with { type: "text" };
import type { MemberVersions } from "../../lib/wire/memberlist/message.ts";
import { pcapFrames } from "./pcap.ts";

/** MetalLB's, which the vectors were made with. */
export const VECTOR_VERSIONS: MemberVersions = {
  protocolMin: 1,
  protocolMax: 5,
  protocolCurrent: 2,
  delegateMin: 0,
  delegateMax: 0,
  delegateCurrent: 0,
};

const VECTORS = new Map(
  text.split("\n").filter((line) => line.includes(" = ")).map((line) => line.split(" = ") as [string, string]),
);

/** Bytes of the vector whose name begins like this. */
export function memberlistVector(name: string): Uint8Array<ArrayBuffer> {
  const found = [...VECTORS].filter(([key]) => key === name || key.startsWith(`${name}(`));
  if (found.length !== 1) throw new Error(`${found.length} vectors are called "${name}"`);
  return Uint8Array.fromHex(found[0]![1]);
}

const ETHERNET_BYTES = 14;

export interface CapturedSegment {
  readonly protocol: "udp" | "tcp";
  /** `address:port`. */
  readonly from: string;
  readonly to: string;
  readonly payload: Uint8Array;
}

/** What the frames of the capture carry, in order, without empty segments. */
export function memberlistCapture(): CapturedSegment[] {
  return pcapFrames(capture as Uint8Array).map((frame) => {
    const view = new DataView(frame.buffer);
    const ipBytes = (frame[ETHERNET_BYTES]! & 0x0f) * 4;
    const at = ETHERNET_BYTES + ipBytes;
    const protocol = frame[ETHERNET_BYTES + 9] === 17 ? "udp" as const : "tcp" as const;
    const headerBytes = protocol === "udp" ? 8 : (frame[at + 12]! >> 4) * 4;
    const end = ETHERNET_BYTES + view.getUint16(ETHERNET_BYTES + 2, false);
    const address = (offset: number) => frame.subarray(offset, offset + 4).join(".");
    return {
      protocol,
      from: `${address(ETHERNET_BYTES + 12)}:${view.getUint16(at, false)}`,
      to: `${address(ETHERNET_BYTES + 16)}:${view.getUint16(at + 2, false)}`,
      payload: frame.subarray(at + headerBytes, end),
    };
  }).filter(({ payload }) => payload.length > 0);
}
