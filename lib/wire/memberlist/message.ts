/**
 * The messages of memberlist that go by datagram: typed records and their bytes. A type byte, then a MessagePack map:
 *
 *     +--------+--------+--------+--------------- - -
 *     |  type  | 80 | n | key    | value  | key  ...
 *     +--------+--------+--------+--------------- - -
 *
 * Keys are Go's field names, in byte order when written, in any order when read; unknown ones are passed over. Compound,
 * compressed and checksummed packets are in `packet.ts`, what goes by stream in `stream_message.ts`.
 */
import { FieldNames } from "./field_names.ts";
import { bytesOfAddress, FieldReader } from "./fields.ts";
import { type MsgpackProblem, MsgpackReader, MsgpackWriter } from "./msgpack.ts";

/** The first byte of everything. */
export const MESSAGE_TYPE = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  crc: 12,
  error: 13,
  label: 244,
} as const;

/** Where an answer is to go, if not to where the datagram came from. */
export interface MessageSource {
  readonly node: string;
  readonly address: string;
  readonly port: number;
}

/** What protocol versions a node speaks (`Vsn`); all zero when it did not say. */
export interface MemberVersions {
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly protocolCurrent: number;
  readonly delegateMin: number;
  readonly delegateMax: number;
  readonly delegateCurrent: number;
}

export interface PingMessage {
  readonly kind: "ping";
  readonly seqNo: number;
  /** Who is meant; empty: whoever gets it. */
  readonly node: string;
  readonly source: MessageSource | undefined;
}

export interface IndirectPingMessage {
  readonly kind: "indirectPing";
  readonly seqNo: number;
  readonly node: string;
  readonly address: string;
  readonly port: number;
  /** Say so when no answer came. */
  readonly nack: boolean;
  readonly source: MessageSource | undefined;
}

export interface AckMessage {
  readonly kind: "ack";
  readonly seqNo: number;
  readonly payload: Uint8Array;
}

export interface NackMessage {
  readonly kind: "nack";
  readonly seqNo: number;
}

/** `from` suspects `node`. */
export interface SuspectMessage {
  readonly kind: "suspect";
  readonly node: string;
  readonly incarnation: number;
  readonly from: string;
}

/** `from` declares `node` dead; of itself, it says that it leaves. */
export interface DeadMessage {
  readonly kind: "dead";
  readonly node: string;
  readonly incarnation: number;
  readonly from: string;
}

export interface AliveMessage {
  readonly kind: "alive";
  readonly node: string;
  readonly incarnation: number;
  readonly address: string;
  readonly port: number;
  readonly meta: Uint8Array;
  readonly versions: MemberVersions;
}

export interface UserMessage {
  readonly kind: "user";
  readonly bytes: Uint8Array;
}

export type MemberlistMessage =
  | PingMessage
  | IndirectPingMessage
  | AckMessage
  | NackMessage
  | SuspectMessage
  | DeadMessage
  | AliveMessage
  | UserMessage;

/** Why a message is none: the bytes end too early, are no map, hold a wrong value, or begin with an unknown type. */
export type MessageProblem = MsgpackProblem | "field" | "type";

export const U16_MAX = 0xffff;
export const U32_MAX = 0xffff_ffff;
export const META_BYTES_MAX = 512;
const VERSION_BYTES = 6;
const PAYLOAD_BYTES_MAX = 65_536;

const KNOWN_FIELDS = new FieldNames([
  ...["Addr", "From", "Incarnation", "Meta", "Nack", "Node", "Payload", "Port"],
  ...["SeqNo", "SourceAddr", "SourceNode", "SourcePort", "Target", "Vsn"],
]);

/** Also bytes behind the map are accepted, as Go's decoder does. Byte fields are views into `bytes`. */
export function decodeMessage(bytes: Uint8Array): MemberlistMessage | MessageProblem {
  const type = bytes[0];
  if (type === undefined) return "truncated";
  if (type === MESSAGE_TYPE.user) return { kind: "user", bytes: bytes.subarray(1) };
  if (!DATAGRAM_TYPES.has(type)) return "type";
  const reader = new MsgpackReader(bytes, 1);
  const fields = new FieldReader(reader.readFields(KNOWN_FIELDS));
  if (reader.problem !== undefined) return reader.problem;
  const message = readMessage(type, fields);
  return fields.valid ? message : "field";
}

const DATAGRAM_TYPES: ReadonlySet<number> = new Set([
  MESSAGE_TYPE.ping,
  MESSAGE_TYPE.indirectPing,
  MESSAGE_TYPE.ack,
  MESSAGE_TYPE.nack,
  MESSAGE_TYPE.suspect,
  MESSAGE_TYPE.alive,
  MESSAGE_TYPE.dead,
]);

function readMessage(type: number, fields: FieldReader): MemberlistMessage {
  const seqNo = fields.number("SeqNo", U32_MAX);
  switch (type) {
    case MESSAGE_TYPE.ping:
      return { kind: "ping", seqNo, node: fields.text("Node", 255), source: readSource(fields) };
    case MESSAGE_TYPE.indirectPing:
      return {
        kind: "indirectPing",
        seqNo,
        node: fields.text("Node", 255),
        address: fields.address("Target"),
        port: fields.number("Port", U16_MAX),
        nack: fields.boolean("Nack"),
        source: readSource(fields),
      };
    case MESSAGE_TYPE.ack:
      return { kind: "ack", seqNo, payload: fields.bytes("Payload", PAYLOAD_BYTES_MAX) };
    case MESSAGE_TYPE.nack:
      return { kind: "nack", seqNo };
    case MESSAGE_TYPE.alive:
      return { kind: "alive", node: fields.nodeName("Node"), ...readMemberFields(fields) };
    default:
      return {
        kind: type === MESSAGE_TYPE.suspect ? "suspect" : "dead",
        node: fields.nodeName("Node"),
        incarnation: fields.number("Incarnation", U32_MAX),
        from: fields.nodeName("From"),
      };
  }
}

/** What an alive message and a record of a push/pull have in common. */
export function readMemberFields(fields: FieldReader): Omit<AliveMessage, "kind" | "node"> {
  const versions = fields.bytes("Vsn", VERSION_BYTES);
  return {
    incarnation: fields.number("Incarnation", U32_MAX),
    address: fields.address("Addr"),
    port: fields.number("Port", U16_MAX),
    meta: fields.bytes("Meta", META_BYTES_MAX),
    versions: {
      protocolMin: versions[0] ?? 0,
      protocolMax: versions[1] ?? 0,
      protocolCurrent: versions[2] ?? 0,
      delegateMin: versions[3] ?? 0,
      delegateMax: versions[4] ?? 0,
      delegateCurrent: versions[5] ?? 0,
    },
  };
}

function readSource(fields: FieldReader): MessageSource | undefined {
  const address = fields.addressOrNone("SourceAddr");
  const port = fields.number("SourcePort", U16_MAX);
  const node = fields.text("SourceNode", 255);
  return address === "" || port === 0 ? undefined : { address, port, node };
}

/** The bytes that memberlist 0.5.1 writes for the same message. */
export function encodeMessage(message: MemberlistMessage): Uint8Array<ArrayBuffer> {
  const out = new MsgpackWriter().byte(MESSAGE_TYPE[message.kind]);
  switch (message.kind) {
    case "ping":
      out.map(message.source === undefined ? 2 : 5);
      out.text("Node").text(message.node);
      out.text("SeqNo").unsigned(message.seqNo);
      writeSource(out, message.source);
      break;
    case "indirectPing":
      out.map(message.source === undefined ? 5 : 8);
      out.text("Nack").bool(message.nack);
      out.text("Node").text(message.node);
      out.text("Port").unsigned(message.port);
      out.text("SeqNo").unsigned(message.seqNo);
      writeSource(out, message.source);
      out.text("Target").raw(bytesOfAddress(message.address));
      break;
    case "ack":
      out.map(2).text("Payload").rawOrNil(message.payload);
      out.text("SeqNo").unsigned(message.seqNo);
      break;
    case "nack":
      out.map(1).text("SeqNo").unsigned(message.seqNo);
      break;
    case "suspect":
    case "dead":
      out.map(3).text("From").text(message.from);
      out.text("Incarnation").unsigned(message.incarnation);
      out.text("Node").text(message.node);
      break;
    case "alive":
      out.map(6);
      writeMemberFields(out, { ...message, nameKey: "Node", state: undefined });
      break;
    case "user":
      out.bytes(message.bytes);
  }
  return out.finish();
}

/** The fields that {@linkcode readMemberFields} reads, with the name and the state in their places among them. */
export function writeMemberFields(
  out: MsgpackWriter,
  member: Omit<AliveMessage, "kind"> & { readonly nameKey: "Node" | "Name"; readonly state: number | undefined },
): void {
  const { versions } = member;
  out.text("Addr").raw(bytesOfAddress(member.address));
  out.text("Incarnation").unsigned(member.incarnation);
  out.text("Meta").rawOrNil(member.meta);
  out.text(member.nameKey).text(member.node);
  out.text("Port").unsigned(member.port);
  if (member.state !== undefined) out.text("State").signed(member.state);
  out.text("Vsn").raw(
    new Uint8Array([
      versions.protocolMin,
      versions.protocolMax,
      versions.protocolCurrent,
      versions.delegateMin,
      versions.delegateMax,
      versions.delegateCurrent,
    ]),
  );
}

function writeSource(out: MsgpackWriter, source: MessageSource | undefined): void {
  if (source === undefined) return;
  out.text("SourceAddr").raw(bytesOfAddress(source.address));
  out.text("SourceNode").text(source.node);
  out.text("SourcePort").unsigned(source.port);
}
