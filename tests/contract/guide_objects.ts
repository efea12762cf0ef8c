/** The objects of MetalLB's kinds in the guides that Herald's users come from, as rows of the suite. */
import { parse } from "@std/yaml/parse";
import type { JsonObject } from "../../lib/base/json.ts";
import layer2Guide from "../golden/guides/000-layer2-guide.yaml" with { type: "text" };
import tutorial from "../golden/guides/001-layer2-tutorial.yaml" with { type: "text" };
import overview from "../golden/guides/002-overview-l2-bgp.yaml" with { type: "text" };
import enterpriseGuide from "../golden/guides/003-enterprise-guide.yaml" with { type: "text" };
import { type Kind, PLURALS } from "./bad_objects.ts";
import type { GoodRow } from "./good_objects.ts";

const GUIDES: readonly (readonly [name: string, text: string])[] = [
  ["000", layer2Guide],
  ["001", tutorial],
  ["002", overview],
  ["003", enterpriseGuide],
];

/** Guide 003 writes a key into `passwordSecret`. MetalLB's definition has none either, so kubectl refuses it there as here. */
export const GUIDE_TYPING_ERROR = 'unknown field "spec.passwordSecret.key"';

export const GUIDE_OBJECTS: readonly GoodRow[] = GUIDES.flatMap(([guide, text]) =>
  text.split(/^---$/m).flatMap((document): GoodRow[] => {
    // As kubectl does, the last of two equal keys counts; the guides have one such document.
    const object = parse(document, { schema: "core", allowDuplicateKeys: true }) as JsonObject | null;
    const kind = object?.["kind"] as Kind | undefined;
    if (kind === undefined || !Object.hasOwn(PLURALS, kind)) return [];
    const { metadata, apiVersion: _apiVersion, kind: _kind, ...rest } = object!;
    const { name: rule, namespace: _namespace, ...others } = metadata as JsonObject;
    return [{ rule: `${guide} ${rule}`, kind, object: { ...rest, metadata: others } }];
  })
);
