/** What a failed request means to a `WriteQueue`: whether the same write is worth another attempt, and when. */
import type { WriteFailure } from "../decision/control/write_queue.ts";
import type { ApiError } from "../edge/kube/api_error.ts";

export function writeFailureOf(error: ApiError): WriteFailure {
  switch (error.reason) {
    case "conflict":
      return "conflict";
    case "notFound":
    case "gone":
      return "notFound";
    case "invalid":
    case "forbidden":
    case "unauthorized":
      return "rejected";
    default:
      return "retryable";
  }
}
