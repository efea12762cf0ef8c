/**
 * What goes over a memberlist stream: one request, at most one reply. Records and bytes of the messages themselves; how
 * they are framed, compressed and sealed is in `stream.ts`.
 *
 *     push/pull:  | 6 | map {Join, Nodes, UserStateLen} | map of a node x Nodes | user state |
 *     user:       | 8 | map {UserMsgLen} | user bytes |
 */
import { FieldNames } from "./field_names.ts";
import { FieldReader } from "./fields.ts";
import {
  type AckMessage,
  decodeMessage,
  encodeMessage,
  type MemberVersions,
  MESSAGE_TYPE,
  type MessageProblem,
  type PingMessage,
  readMemberFields,
  type UserMessage,
  writeMemberFields,
} from "./message.ts";
import { MsgpackReader, MsgpackWriter } from "./msgpack.ts";

/** In the order of memberlist's numbers, which are its wire form. */
const MEMBER_STATES = ["alive", "suspect", "dead", "left"] as const;

/** One node as the sender of a push/pull knows it. */
export interface MemberRecord {
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly incarnation: number;
  readonly meta: Uint8Array;
  readonly versions: MemberVersions;
  readonly state: typeof MEMBER_STATES[number];
}

export interface PushPullMessage {
  readonly kind: "pushPull";
  readonly join: boolean;
  readonly members: readonly MemberRecord[];
  readonly userState: Uint8Array;
}

/** The other side could not take what it was sent. */
export interface ErrorMessage {
  readonly kind: "error";
  readonly text: string;
}

export type StreamMessage = PushPullMessage | PingMessage | AckMessage | UserMessage | ErrorMessage;

/** More than a message of the largest allowed size holds. */
const MEMBERS_MAX = 65_536;
const ERROR_TEXT_BYTES_MAX = 4096;
/** A node's record with all that it may hold, and room for keys that we do not know. */
const RECORD_BYTES_MAX = 8192;

const HEADER_FIELDS = new FieldNames(["Join", "Nodes", "UserStateLen"]);
const RECORD_FIELDS = new FieldNames([
  ...["Addr", "Incarnation", "Meta", "Name", "Port", "State", "Vsn"],
]);
const USER_FIELDS = new FieldNames(["UserMsgLen"]);
const ERROR_FIELDS = new FieldNames(["Error"]);

/** The bytes that memberlist 0.5.1 writes for the same message. */
export function encodeStreamMessage(message: StreamMessage): Uint8Array<ArrayBuffer> {
  switch (message.kind) {
    case "ping":
    case "ack":
      return encodeMessage(message);
    case "error":
      return new MsgpackWriter().byte(MESSAGE_TYPE.error).map(1).text("Error").text(message.text).finish();
    case "user":
      return new MsgpackWriter().byte(MESSAGE_TYPE.user).map(1)
        .text("UserMsgLen").signed(message.bytes.length).bytes(message.bytes).finish();
    case "pushPull": {
      const out = new MsgpackWriter().byte(MESSAGE_TYPE.pushPull).map(3);
      out.text("Join").bool(message.join);
      out.text("Nodes").signed(message.members.length);
      out.text("UserStateLen").signed(message.userState.length);
      for (const member of message.members) encodeRecord(out, member);
      return out.bytes(message.userState).finish();
    }
  }
}

function encodeRecord(out: MsgpackWriter, member: MemberRecord): void {
  out.map(7);
  writeMemberFields(out, { ...member, nameKey: "Name", state: MEMBER_STATES.indexOf(member.state) });
}

/**
 * Reads one message from bytes that grow. What was read once is not read again, so a message that comes byte by byte
 * costs no more than one that comes at once.
 */
export class StreamMessageReader {
  readonly #sizeMax: number;
  #header: PushPullHeader | undefined;
  readonly #members: MemberRecord[] = [];
  #offset = 1;

  constructor(options: { readonly sizeMax: number }) {
    this.#sizeMax = options.sizeMax;
  }

  /** `bytes` is everything from the type byte on; `truncated` asks for more. Call it with a longer prefix each time. */
  read(bytes: Uint8Array): StreamMessage | MessageProblem {
    switch (bytes[0]) {
      case undefined:
        return "truncated";
      case MESSAGE_TYPE.ping:
      case MESSAGE_TYPE.ack:
        return decodeMessage(bytes) as PingMessage | AckMessage | MessageProblem;
      case MESSAGE_TYPE.error:
        return readError(bytes);
      case MESSAGE_TYPE.user:
        return this.#readUser(bytes);
      case MESSAGE_TYPE.pushPull:
        return this.#readPushPull(bytes);
      default:
        return "type";
    }
  }

  #readUser(bytes: Uint8Array): UserMessage | MessageProblem {
    const reader = new MsgpackReader(bytes, 1);
    const fields = new FieldReader(reader.readFields(USER_FIELDS));
    if (reader.problem !== undefined) return reader.problem;
    const length = fields.number("UserMsgLen", this.#sizeMax);
    if (!fields.valid) return "field";
    if (bytes.length < reader.offset + length) return "truncated";
    return { kind: "user", bytes: bytes.subarray(reader.offset, reader.offset + length) };
  }

  #readPushPull(bytes: Uint8Array): PushPullMessage | MessageProblem {
    if (this.#header === undefined) {
      const header = this.#readHeader(bytes);
      if (typeof header === "string") return header;
      this.#header = header;
    }
    const { join, nodes, userStateBytes } = this.#header;
    while (this.#members.length < nodes) {
      const record = this.#readRecord(bytes);
      if (typeof record === "string") return record;
      this.#members.push(record);
    }
    if (bytes.length < this.#offset + userStateBytes) return "truncated";
    const userState = bytes.subarray(this.#offset, this.#offset + userStateBytes);
    return { kind: "pushPull", join, members: this.#members, userState };
  }

  #readHeader(bytes: Uint8Array): PushPullHeader | MessageProblem {
    const reader = new MsgpackReader(bytes, this.#offset);
    const fields = new FieldReader(reader.readFields(HEADER_FIELDS));
    if (reader.problem !== undefined) return reader.problem;
    const join = fields.boolean("Join");
    const nodes = fields.number("Nodes", MEMBERS_MAX);
    const userStateBytes = fields.number("UserStateLen", this.#sizeMax);
    if (!fields.valid) return "field";
    this.#offset = reader.offset;
    return { join, nodes, userStateBytes };
  }

  #readRecord(bytes: Uint8Array): MemberRecord | MessageProblem {
    const reader = new MsgpackReader(bytes, this.#offset);
    const fields = new FieldReader(reader.readFields(RECORD_FIELDS));
    const readBytes = bytes.length - this.#offset;
    if (reader.problem === "truncated") return readBytes > RECORD_BYTES_MAX ? "malformed" : "truncated";
    if (reader.problem !== undefined) return reader.problem;
    const state = MEMBER_STATES[fields.number("State", MEMBER_STATES.length - 1)]!;
    const record: MemberRecord = { node: fields.nodeName("Name"), ...readMemberFields(fields), state };
    if (!fields.valid) return "field";
    this.#offset = reader.offset;
    return record;
  }
}

interface PushPullHeader {
  readonly join: boolean;
  readonly nodes: number;
  readonly userStateBytes: number;
}

function readError(bytes: Uint8Array): ErrorMessage | MessageProblem {
  const reader = new MsgpackReader(bytes, 1);
  const fields = new FieldReader(reader.readFields(ERROR_FIELDS));
  if (reader.problem !== undefined) return reader.problem;
  const text = fields.text("Error", ERROR_TEXT_BYTES_MAX);
  return fields.valid ? { kind: "error", text } : "field";
}
