/**
 * A memberlist stream, in bytes: what one side sends, and a reader for what the other side sends.
 *
 *     [label header] message                                   plain
 *     [label header] | 10 | length (32 bits) | sealed blob |   with a key; the tag covers these 5 bytes and the label
 *
 * The message inside may be compressed as a whole. The label header stands only in front of what the caller sends; an
 * answer has none, but its seal covers the label all the same. Limits are the reader's: how long the stream may be, and
 * what it may blow up to.
 */
import type { Rng } from "../../base/rng.ts";
import type { Millis } from "../../base/time.ts";
import { compressLzw, type LzwProblem } from "./lzw.ts";
import { MESSAGE_TYPE, type MessageProblem } from "./message.ts";
import { MsgpackWriter } from "./msgpack.ts";
import { inflate, type PacketSecurity, withLabel, withoutLabel } from "./packet.ts";
import { nonceOf, seal, SEAL_OVERHEAD_BYTES } from "./sealed.ts";
import { encodeStreamMessage, type StreamMessage, StreamMessageReader } from "./stream_message.ts";

export type StreamProblem =
  | MessageProblem
  | LzwProblem
  | "label"
  /** None of our keys opens it. */
  | "sealed"
  /** It is not sealed although there is a key. */
  | "plain"
  | "compression";

/** Who of the two sent something: only the caller's bytes begin with the label. */
export type StreamSide = "caller" | "listener";

const FRAME_HEADER_BYTES = 5;
const RECEIVED_BYTES_MAX = 4 << 20;
/** A reply of a few hundred nodes goes in one segment when it is compressed; less is not worth the work. */
const COMPRESS_FROM_BYTES = 1024;
const FIRST_BUFFER_BYTES = 4096;

export function encodeStream(
  message: StreamMessage,
  to: {
    readonly side: StreamSide;
    readonly address: string;
    readonly security: PacketSecurity;
    readonly compress: boolean;
    readonly rng: Rng;
    readonly now: Millis;
  },
): Uint8Array<ArrayBuffer> {
  const { label, keyring, verifyOutgoing } = to.security;
  let bytes = encodeStreamMessage(message);
  if (to.compress && bytes.length >= COMPRESS_FROM_BYTES) bytes = compressed(bytes);
  if (keyring !== undefined && verifyOutgoing) {
    const header = frameHeader(bytes.length + SEAL_OVERHEAD_BYTES);
    const covered = joined(header, label);
    const blob = seal(bytes, { key: keyring.keyFor(to.address, to.now), nonce: nonceOf(to.rng), covered });
    bytes = joined(header, blob);
  }
  return to.side === "caller" && label.length > 0 ? withLabel(bytes, label) : bytes;
}

function compressed(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new MsgpackWriter().byte(MESSAGE_TYPE.compress).map(2)
    .text("Algo").unsigned(0).text("Buf").raw(compressLzw(bytes)).finish();
}

function frameHeader(blobBytes: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  header[0] = MESSAGE_TYPE.encrypt;
  new DataView(header.buffer).setUint32(1, blobBytes, false);
  return header;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Collects what one side of a stream sends until it is a message. */
export class StreamReader {
  readonly #security: PacketSecurity;
  readonly #address: string;
  readonly #side: StreamSide;
  readonly #sizeMax: number;
  readonly #plainReader: StreamMessageReader;
  #bytes = new Uint8Array(FIRST_BUFFER_BYTES);
  #length = 0;

  constructor(
    from: { readonly side: StreamSide; readonly address: string; readonly security: PacketSecurity },
    options: { readonly sizeMax?: number } = {},
  ) {
    this.#security = from.security;
    this.#address = from.address;
    this.#side = from.side;
    this.#sizeMax = options.sizeMax ?? RECEIVED_BYTES_MAX;
    this.#plainReader = new StreamMessageReader({ sizeMax: this.#sizeMax });
  }

  /** `undefined`: more is needed. After anything else the reader is done with. */
  push(bytes: Uint8Array): StreamMessage | StreamProblem | undefined {
    if (this.#length + bytes.length > this.#sizeMax) return "oversized";
    this.#append(bytes);
    const result = this.#read(this.#bytes.subarray(0, this.#length));
    return result === "truncated" ? undefined : result;
  }

  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, length));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  #read(received: Uint8Array): StreamMessage | StreamProblem {
    if (received.length === 0) return "truncated";
    const { label, keyring, verifyIncoming } = this.#security;
    const bytes = this.#side === "caller" ? withoutLabel(received, label) : received;
    if (typeof bytes === "string") return bytes;
    if (bytes[0] === MESSAGE_TYPE.encrypt) return this.#readSealed(bytes);
    if (keyring !== undefined && verifyIncoming && bytes.length > 0) return "plain";
    return bytes[0] === MESSAGE_TYPE.compress ? this.#readCompressed(bytes) : this.#plainReader.read(bytes);
  }

  #readSealed(bytes: Uint8Array): StreamMessage | StreamProblem {
    if (bytes.length < FRAME_HEADER_BYTES) return "truncated";
    const blobBytes = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(1, false);
    if (blobBytes > this.#sizeMax) return "oversized";
    if (bytes.length < FRAME_HEADER_BYTES + blobBytes) return "truncated";
    const blob = bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + blobBytes);
    const covered = joined(bytes.subarray(0, FRAME_HEADER_BYTES), this.#security.label);
    const plain = this.#security.keyring?.open(blob, { address: this.#address, covered });
    if (plain === undefined) return "sealed";
    return whole(plain[0] === MESSAGE_TYPE.compress ? this.#readCompressed(plain) : this.#plainReader.read(plain));
  }

  #readCompressed(bytes: Uint8Array): StreamMessage | StreamProblem {
    const inflated = inflate(bytes, this.#sizeMax);
    if (typeof inflated === "string") return inflated;
    return whole(new StreamMessageReader({ sizeMax: this.#sizeMax }).read(inflated));
  }
}

/** Nothing more can come for what was sealed or compressed as a whole. */
function whole(result: StreamMessage | StreamProblem): StreamMessage | StreamProblem {
  return result === "truncated" ? "malformed" : result;
}
