/** Reads the body of a request, up to the size that API servers allow. */
import { StatusError } from "./status_error.ts";

const BODY_BYTES_MAX = 3 * 1024 * 1024;

/** The body as text, empty if there is none. Throws 413. */
export async function readBody(request: Request): Promise<string> {
  if (request.body === null) return "";
  if (Number(request.headers.get("content-length") ?? 0) > BODY_BYTES_MAX) {
    await request.body.cancel();
    throw tooLarge();
  }
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    // Leaving the loop cancels the rest of the body.
    if (size > BODY_BYTES_MAX) throw tooLarge();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function tooLarge(): StatusError {
  return new StatusError(413, {
    reason: "RequestEntityTooLarge",
    message: `Request entity too large: limit is ${BODY_BYTES_MAX}`,
  });
}
