/**
 * Which object a problem is about. Reads only what is there: the object may be anything at all.
 */
import { isRecord } from "../../base/json.ts";

export interface ObjectIdentity {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** `kind` is what the object was expected to be; an object's own word is not trusted. Missing names are empty. */
export function identityOf(object: unknown, kind: string): ObjectIdentity {
  const metadata = isRecord(object) && isRecord(object["metadata"]) ? object["metadata"] : {};
  return { kind, namespace: textOf(metadata["namespace"]), name: textOf(metadata["name"]) };
}

/** Labels with a text as value; whatever else stands there is left out. */
export function labelsOf(object: unknown): Record<string, string> {
  const metadata = isRecord(object) && isRecord(object["metadata"]) ? object["metadata"] : {};
  if (!isRecord(metadata["labels"])) return {};
  const texts = Object.entries(metadata["labels"]).filter((entry): entry is [string, string] =>
    typeof entry[1] === "string"
  );
  return Object.fromEntries(texts);
}

/** Names are cut at what the API server would ever admit, so that a hostile one cannot fill a log. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 253) : "";
}
