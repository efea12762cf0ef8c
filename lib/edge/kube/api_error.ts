/**
 * What can go wrong when the API server is asked for something, as values of a closed set.
 *
 * The reason is also the metric label. It is derived from the `Status` object that Kubernetes answers with, or from the
 * HTTP code where the body is something else (a load balancer's page). Whether a request is worth repeating depends
 * only on the reason, so that every writer of Herald gives the same answer to the same failure.
 */
import { isRecord } from "../../base/json.ts";

const API_ERROR_REASONS = [
  "notFound",
  "conflict",
  "alreadyExists",
  "gone",
  "forbidden",
  "unauthorized",
  "invalid",
  "timeout",
  "unreachable",
  "tooManyRequests",
  "serverError",
  "badResponse",
] as const;

export type ApiErrorReason = typeof API_ERROR_REASONS[number];

export interface ApiError {
  readonly reason: ApiErrorReason;
  /** HTTP code, or 0 when there was no answer. */
  readonly code: number;
  /** For people. Never holds credentials. */
  readonly message: string;
  /** How long the server asked us to wait, from `Retry-After` or `details.retryAfterSeconds`. */
  readonly retryAfterMs?: number;
}

export type ApiResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ApiError };

/** True when the same request may succeed later without anything else being changed first. */
export function isRetryable(error: ApiError): boolean {
  switch (error.reason) {
    case "timeout":
    case "unreachable":
    case "tooManyRequests":
    case "serverError":
      return true;
    default:
      return false;
  }
}

/** A server that asks for more than this is asked again earlier: an hour in the header must not park a speaker. */
const RETRY_AFTER_MAX_MS = 60_000;
const MESSAGE_LENGTH_MAX = 500;

/**
 * The error that an answer stands for. `status` is its body if it was JSON (also the object of a watch `ERROR` event,
 * which has no HTTP code of its own), `text` its body if it was not.
 */
export function apiErrorOf(
  code: number,
  options: { readonly status?: unknown; readonly text?: string; readonly retryAfter?: string | null; wallMs?: number },
): ApiError {
  const status = isRecord(options.status) ? options.status : {};
  const statusReason = typeof status["reason"] === "string" ? status["reason"] : "";
  const fallback = (options.text ?? "").trim().slice(0, MESSAGE_LENGTH_MAX) || `HTTP ${code}`;
  const message = typeof status["message"] === "string" ? status["message"].slice(0, MESSAGE_LENGTH_MAX) : fallback;
  const retryAfterMs = parseRetryAfter(options.retryAfter, options.wallMs) ?? retryAfterOf(status["details"]);
  return {
    reason: reasonOf(code, statusReason),
    code,
    message,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

function reasonOf(code: number, statusReason: string): ApiErrorReason {
  if (code === 409) return statusReason === "AlreadyExists" ? "alreadyExists" : "conflict";
  if (code === 404) return "notFound";
  if (code === 410) return "gone";
  if (code === 403) return "forbidden";
  if (code === 401) return "unauthorized";
  if (code === 429) return "tooManyRequests";
  if (code === 408 || code === 504) return "timeout";
  if (code >= 400 && code < 500) return "invalid";
  if (code >= 500) return "serverError";
  return "badResponse";
}

/** RFC 9110 §10.2.3: seconds or an HTTP date. */
function parseRetryAfter(text: string | null | undefined, wallMs: number | undefined): number | undefined {
  if (text === null || text === undefined || text === "") return undefined;
  if (/^[0-9]{1,9}$/.test(text)) return Math.min(Number(text) * 1000, RETRY_AFTER_MAX_MS);
  const at = Date.parse(text);
  if (Number.isNaN(at) || wallMs === undefined) return undefined;
  return Math.min(Math.max(at - wallMs, 0), RETRY_AFTER_MAX_MS);
}

function retryAfterOf(details: unknown): number | undefined {
  const seconds = isRecord(details) ? details["retryAfterSeconds"] : undefined;
  return typeof seconds === "number" && seconds > 0 ? Math.min(seconds * 1000, RETRY_AFTER_MAX_MS) : undefined;
}
