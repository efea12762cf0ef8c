/** HTTP answers in the shape that every client of the API expects. */
import type { JsonMap } from "./json_map.ts";
import { StatusError } from "./status_error.ts";

export interface AnswerOptions {
  readonly code?: number;
  readonly warnings?: readonly string[];
}

export function jsonAnswer(body: JsonMap | string, { code = 200, warnings = [] }: AnswerOptions = {}): Response {
  const headers = new Headers({ "content-type": "application/json", "cache-control": "no-cache, private" });
  for (const warning of warnings) headers.append("warning", `299 - ${quoted(warning)}`);
  return new Response(typeof body === "string" ? body : JSON.stringify(body), { status: code, headers });
}

export function errorAnswer(error: StatusError): Response {
  const answer = jsonAnswer(error.toStatus(), { code: error.code });
  const retry = error.details?.retryAfterSeconds;
  if (typeof retry === "number") answer.headers.set("retry-after", String(retry));
  return answer;
}

export function textAnswer(body: string): Response {
  return new Response(body, { headers: { "content-type": "text/plain; charset=utf-8" } });
}

/** A header value is ASCII: anything else is left out, quotes are escaped. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/[\\"]/g, "\\$&").slice(0, 1000)}"`;
}
