/** What a client wants to read (Accept) and what it sent (Content-Type). */

export type Shape = "object" | "table" | "metadata" | "metadataList" | "discovery";

export interface AcceptedMedia {
  readonly shape: Shape;
  /** Version of the shape, e.g. `v1` of Table. */
  readonly version: string;
}

const SHAPES: Readonly<Record<string, Shape>> = {
  Table: "table",
  PartialObjectMetadata: "metadata",
  PartialObjectMetadataList: "metadataList",
  APIGroupDiscoveryList: "discovery",
};

/** The first range of an Accept header that can be served; `undefined` when none can. */
export function acceptedMedia(accept: string | null, shapes: readonly Shape[]): AcceptedMedia | undefined {
  const plain: AcceptedMedia = { shape: "object", version: "" };
  if (accept === null || accept.trim() === "") return plain;
  for (const range of accept.split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    if (!["application/json", "application/*", "*/*"].includes(type.toLowerCase())) continue;
    const values = new Map(parameters.map((parameter) => {
      const [key = "", value = ""] = parameter.split("=");
      return [key, value] as const;
    }));
    const as = values.get("as");
    if (as === undefined) return plain;
    const shape = Object.hasOwn(SHAPES, as) ? SHAPES[as] : undefined;
    if (shape !== undefined && shapes.includes(shape)) return { shape, version: values.get("v") ?? "v1" };
  }
  return undefined;
}

/** `application/json` of `application/json; charset=utf-8`. */
export function contentTypeOf(header: string | null): string {
  return (header ?? "").split(";")[0]!.trim().toLowerCase();
}
