/**
 * The CustomResourceDefinitions that Herald ships, as objects: part of the program, so that no file is looked for.
 */
import bfdProfiles from "../../manifests/crds/bfdprofiles.yaml" with { type: "text" };
import bgpAdvertisements from "../../manifests/crds/bgpadvertisements.yaml" with { type: "text" };
import bgpPeers from "../../manifests/crds/bgppeers.yaml" with { type: "text" };
import communities from "../../manifests/crds/communities.yaml" with { type: "text" };
import configurationStates from "../../manifests/crds/configurationstates.yaml" with { type: "text" };
import ipAddressPools from "../../manifests/crds/ipaddresspools.yaml" with { type: "text" };
import l2Advertisements from "../../manifests/crds/l2advertisements.yaml" with { type: "text" };
import serviceBgpStatuses from "../../manifests/crds/servicebgpstatuses.yaml" with { type: "text" };
import serviceL2Statuses from "../../manifests/crds/servicel2statuses.yaml" with { type: "text" };
import type { JsonObject } from "../base/json.ts";
import { parseManifest } from "./yaml.ts";

const FILES = {
  ipAddressPools,
  l2Advertisements,
  bgpAdvertisements,
  bgpPeers,
  bfdProfiles,
  communities,
  serviceL2Statuses,
  serviceBgpStatuses,
  configurationStates,
};

/** Parsed anew on each call: the caller may change them. */
export function customResourceDefinitions(): JsonObject[] {
  return Object.entries(FILES).flatMap(([name, text]) => {
    const { objects, problems } = parseManifest(text, name);
    if (problems.length > 0) throw new Error(`manifests/crds: ${name}: ${problems[0]!.message}`);
    return objects as unknown as JsonObject[];
  });
}
