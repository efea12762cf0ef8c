/**
 * Annotations by key, and where a problem with one is shown. The keys themselves belong to those that read them.
 */
import { formatPath } from "./decode.ts";

/** Keys are what users write: `constructor` is none, unless somebody wrote it. */
export function annotationOf(annotations: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(annotations, key) ? annotations[key] : undefined;
}

/** `metadata.annotations["a.b/c"]` */
export function annotationPath(key: string): string {
  return formatPath(["metadata", "annotations", key]);
}
