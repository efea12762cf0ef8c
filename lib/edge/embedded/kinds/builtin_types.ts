/** The kinds that are served whatever definitions are given. */
import type { ResourceType } from "../resource_type.ts";
import { CONFIG_MAPS, LEASES, SECRETS } from "./config_kinds.ts";
import { ENDPOINT_SLICES } from "./endpoint_slices.ts";
import { EVENTS, EVENTS_K8S_IO } from "./events.ts";
import { NAMESPACES } from "./namespaces.ts";
import { NODES } from "./nodes.ts";
import { PODS } from "./pods.ts";
import { SERVICES } from "./services.ts";

export const BUILTIN_TYPES: readonly ResourceType[] = [
  NAMESPACES,
  NODES,
  PODS,
  SERVICES,
  CONFIG_MAPS,
  SECRETS,
  EVENTS,
  ENDPOINT_SLICES,
  LEASES,
  EVENTS_K8S_IO,
];
