/**
 * Versions of a custom kind that is stored in another one. A real server asks the webhook that the definition names;
 * here the webhook's own function is called.
 */
import { convertBgpPeer } from "../../decision/config/bgp_peer_conversion.ts";
import { isMap, type JsonMap, listAt, mapAt, textAt } from "./json_map.ts";
import type { ResourceType } from "./resource_type.ts";
import { schemaFromJson } from "./schema.ts";
import { applyDefaults, validateSchema } from "./schema_check.ts";
import { badRequest, invalidObject } from "./status_error.ts";

type Converted = { readonly ok: true; readonly object: unknown } | { readonly ok: false; readonly message: string };
type Convert = (object: unknown, desiredApiVersion: string) => Converted;

/** By kind and group. */
const CONVERSIONS: ReadonlyMap<string, Convert> = new Map([["BGPPeer.metallb.io", convertBgpPeer]]);

/** `undefined` for the stored version, and where versions differ in name only. Throws for an unknown webhook. */
export function conversionOf(definition: JsonMap, version: JsonMap): ResourceType["conversion"] | undefined {
  const spec = mapAt(definition, "spec");
  const stored = listAt(spec, "versions").filter(isMap).find((each) => each.storage === true);
  if (textAt(mapAt(spec, "conversion"), "strategy") !== "Webhook") return undefined;
  const group = textAt(spec, "group");
  const kind = textAt(mapAt(spec, "names"), "kind");
  const convert = CONVERSIONS.get(`${kind}.${group}`);
  if (convert === undefined || stored === undefined) throw new Error(`No function converts ${kind} of ${group}`);
  if (stored.name === version.name) return undefined;
  const apiVersion = `${group}/${textAt(version, "name")}`;
  const storedVersion = `${group}/${textAt(stored, "name")}`;
  const schema = schemaFromJson(mapAt(version, "schema", "openAPIV3Schema"));
  const storedSchema = schemaFromJson(mapAt(stored, "schema", "openAPIV3Schema"));
  const between = (body: JsonMap, { from, to }: { from: string; to: string }): JsonMap => {
    const result = convert({ apiVersion: from, kind, ...body }, to);
    if (!result.ok) throw badRequest(`conversion to ${to} failed: ${result.message}`);
    const { apiVersion: _apiVersion, kind: _kind, ...converted } = result.object as JsonMap;
    return converted;
  };
  return {
    toStorage(body) {
      // The conversion fills in what this version requires, so this is the last time that it can be missed.
      const missing = validateSchema(body, schema).filter(({ reason }) => reason === "FieldValueRequired");
      if (missing.length > 0) {
        throw invalidObject({ group, kind, plural: "" }, textAt(mapAt(body, "metadata"), "name"), missing);
      }
      const converted = between(body, { from: apiVersion, to: storedVersion });
      applyDefaults(converted, storedSchema);
      return converted;
    },
    fromStorage: (body) => between(body, { from: storedVersion, to: apiVersion }),
  };
}
