/** The path of a request about objects, taken apart: `/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/SUBRESOURCE`. */

export interface RequestTarget {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** Empty for cluster-scoped kinds and for all namespaces. */
  readonly namespace: string;
  /** Empty for a collection. */
  readonly name: string;
  /** Empty, or e.g. `status`. */
  readonly subresource: string;
  /** The old form `/watch/…` is not served. */
}

/** `undefined` for a path that is not about objects, or that cannot be decoded. */
export function parseTarget(path: string): RequestTarget | undefined {
  let parts: string[];
  try {
    parts = path.split("/").slice(1).map((part) => decodeURIComponent(part));
  } catch {
    return undefined;
  }
  if (parts.at(-1) === "") parts.pop();
  if (parts.some((part) => part === "")) return undefined;
  const [root, ...rest] = parts;
  if (root === "api" && rest.length >= 2) return inGroup("", rest);
  if (root === "apis" && rest.length >= 3) return inGroup(rest[0]!, rest.slice(1));
  return undefined;
}

function inGroup(group: string, [version, ...rest]: string[]): RequestTarget | undefined {
  // `/namespaces/x` and `/namespaces/x/status` are about the namespace itself.
  const aboutNamespace = rest.length <= 2 || (rest.length === 3 && ["status", "finalize"].includes(rest[2]!));
  const namespaced = rest[0] === "namespaces" && group === "" ? !aboutNamespace : rest[0] === "namespaces";
  const namespace = namespaced ? rest[1] ?? "" : "";
  const [plural, name = "", subresource = "", ...excess] = namespaced ? rest.slice(2) : rest;
  if (plural === undefined || excess.length > 0) return undefined;
  return { group, version: version!, plural, namespace, name, subresource };
}
