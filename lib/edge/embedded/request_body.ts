/** Reads the body of a request as JSON text, up to the size that API servers allow. */
import { contentTypeOf } from "./media_types.ts";
import { decodeProtobufBody, PROTOBUF_TYPE } from "./protobuf.ts";
import { StatusError } from "./status_error.ts";

const BODY_BYTES_MAX = 3 * 1024 * 1024;

export interface RequestBody {
  /** Empty if there is none. */
  readonly text: string;
  /** What the text is: protobuf has become JSON. */
  readonly contentType: string;
}

/** Throws 413, and for protobuf 400 or 415. */
export async function readBody(request: Request): Promise<RequestBody> {
  const contentType = contentTypeOf(request.headers.get("content-type"));
  if (request.body === null) return { text: "", contentType };
  if (Number(request.headers.get("content-length") ?? 0) > BODY_BYTES_MAX) {
    await request.body.cancel();
    throw tooLarge();
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    // Leaving the loop cancels the rest of the body.
    if (size > BODY_BYTES_MAX) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = joined(chunks, size);
  if (contentType === PROTOBUF_TYPE && bytes.length > 0) {
    return { text: JSON.stringify(decodeProtobufBody(bytes)), contentType: "application/json" };
  }
  return { text: new TextDecoder().decode(bytes), contentType };
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

function tooLarge(): StatusError {
  return new StatusError(413, {
    reason: "RequestEntityTooLarge",
    message: `Request entity too large: limit is ${BODY_BYTES_MAX}`,
  });
}
