/**
 * Bodies in Kubernetes' protobuf form, read into the JSON that they stand for. `kubectl create service`, `create
 * namespace` and other typed clients send it without asking; answers are always JSON, which all of them read.
 *
 * Wire format: protobuf.dev/programming-guides/encoding. The envelope is the four bytes `k8s\0` and a message with
 * `apiVersion`, `kind` and the object (apimachinery, runtime.Unknown). Only a reader; unknown fields are skipped.
 */
import type { JsonMap, JsonValue } from "./json_map.ts";
import { type FieldKind, KIND_MESSAGES, type Message, TYPE_META, UNKNOWN } from "./protobuf_messages.ts";
import { badRequest, unsupportedMediaType } from "./status_error.ts";

export const PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf";

const MAGIC = [0x6b, 0x38, 0x73, 0x00];
const ZERO_TIME_SECONDS = -62135596800;

/** Throws 400 for bytes that are no such body, 415 for a kind that is not known in this form. */
export function decodeProtobufBody(bytes: Uint8Array): JsonMap {
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw malformed("it does not begin with the Kubernetes prefix");
  }
  const envelope = readMessage(bytes.subarray(MAGIC.length), UNKNOWN);
  const raw = envelope.raw;
  const typeMeta = envelope.typeMeta instanceof Uint8Array ? jsonMessage(envelope.typeMeta, TYPE_META) : {};
  const kind = typeof typeMeta.kind === "string" ? typeMeta.kind : "";
  const message = Object.hasOwn(KIND_MESSAGES, kind) ? KIND_MESSAGES[kind] : undefined;
  if (message === undefined) {
    throw unsupportedMediaType(
      `${PROTOBUF_TYPE} is not known for ${
        kind || "objects without a kind"
      } - accepted media types include: application/json`,
    );
  }
  return { ...typeMeta, ...(raw instanceof Uint8Array ? jsonMessage(raw, message) : {}) };
}

/** Members as they are on the wire: numbers, and bytes for everything with a length. The last one counts. */
function readMessage(bytes: Uint8Array, message: Message): Record<string, number | Uint8Array> {
  const values: Record<string, number | Uint8Array> = {};
  for (const { field, value } of fieldsOf(bytes)) {
    const known = message[field];
    if (known !== undefined) values[known.name] = value;
  }
  return values;
}

function jsonMessage(bytes: Uint8Array, message: Message): JsonMap {
  const result: JsonMap = {};
  for (const { field, value } of fieldsOf(bytes)) {
    const known = message[field];
    if (known === undefined) continue;
    const { name, kind, form } = known;
    if (form === "map") {
      const entry = jsonMessage(bytesOf(value), {
        1: { name: "key", kind: "text", form: "pointer" },
        2: { name: "value", kind, form: "pointer" },
      });
      const key = typeof entry.key === "string" ? entry.key : "";
      // Assigned, this name would change the prototype.
      if (key === "__proto__") continue;
      const map = (result[name] ??= {}) as JsonMap;
      map[key] = entry.value ?? "";
      continue;
    }
    const json = jsonValue(value, kind);
    if (json === undefined) continue;
    if (form === "list") ((result[name] ??= []) as JsonValue[]).push(json);
    else if (form === "pointer" || !isEmpty(json)) result[name] = json;
  }
  return result;
}

/** Members that are no pointers in Go are always on the wire; in JSON they are left out when empty. */
function isEmpty(value: JsonValue): boolean {
  if (value === "" || value === 0 || value === false) return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function jsonValue(value: number | Uint8Array, kind: FieldKind): JsonValue | undefined {
  if (typeof kind === "object") return jsonMessage(bytesOf(value), kind);
  switch (kind) {
    case "text":
      return utf8(bytesOf(value));
    case "bytes":
      return bytesOf(value).toBase64();
    case "flag":
      return numberOf(value) !== 0;
    case "whole":
      return numberOf(value);
    case "time":
    case "microTime":
      return timeText(bytesOf(value), kind);
    case "intOrText": {
      const parts = jsonMessage(bytesOf(value), {
        1: { name: "type", kind: "whole", form: "pointer" },
        2: { name: "number", kind: "whole", form: "pointer" },
        3: { name: "text", kind: "text", form: "pointer" },
      });
      return (parts.type === 1 ? parts.text : parts.number) ?? undefined;
    }
  }
}

function timeText(bytes: Uint8Array, kind: "time" | "microTime"): string | undefined {
  const { seconds = 0, nanos = 0 } = jsonMessage(bytes, {
    1: { name: "seconds", kind: "whole", form: "pointer" },
    2: { name: "nanos", kind: "whole", form: "pointer" },
  });
  if (typeof seconds !== "number" || typeof nanos !== "number") return undefined;
  if (bytes.length === 0 || seconds <= ZERO_TIME_SECONDS || Math.abs(seconds) > 8e12) return undefined;
  const text = new Date(seconds * 1000).toISOString().slice(0, -5);
  return kind === "time" ? `${text}Z` : `${text}.${String(Math.floor(nanos / 1000)).padStart(6, "0")}Z`;
}

interface WireField {
  readonly field: number;
  readonly value: number | Uint8Array;
}

function* fieldsOf(bytes: Uint8Array): Iterable<WireField> {
  let offset = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[offset++];
      if (byte === undefined) throw malformed("a number is cut off");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw malformed("a number is longer than 64 bits");
  };
  while (offset < bytes.length) {
    const tag = Number(varint());
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { field, value: Number(varint()) };
        break;
      case 2: {
        const length = Number(varint());
        if (length < 0 || offset + length > bytes.length) throw malformed(`field ${field} is cut off`);
        yield { field, value: bytes.subarray(offset, offset + length) };
        offset += length;
        break;
      }
      default:
        throw malformed(`field ${field} has a wire type that no kind uses`);
    }
  }
}

function bytesOf(value: number | Uint8Array): Uint8Array {
  if (typeof value === "number") throw malformed("a number stands where bytes belong");
  return value;
}

function numberOf(value: number | Uint8Array): number {
  if (typeof value !== "number") throw malformed("bytes stand where a number belongs");
  return value;
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function malformed(why: string): Error {
  return badRequest(`the request body could not be decoded as protobuf: ${why}`);
}
