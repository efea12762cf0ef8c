/** The last known objects of one kind by key (`namespace/name`, see `objectKey`), as a reader sees them. */
import type { KubeObject } from "../../base/kube.ts";

export interface Store<T extends KubeObject> {
  readonly size: number;
  get(key: string): T | undefined;
  keys(): IterableIterator<string>;
  values(): IterableIterator<T>;
}

/** What a reader is told. Each change is told once, in an order in which applying them gives the server's state. */
export type StoreChange<T extends KubeObject> =
  /** The first list is complete: from now on the store may be relied on. Told once. */
  | { readonly kind: "synced" }
  | { readonly kind: "upsert"; readonly key: string; readonly object: T; readonly previous: T | undefined }
  | { readonly kind: "remove"; readonly key: string; readonly previous: T };
