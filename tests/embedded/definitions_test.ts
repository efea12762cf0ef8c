/** Our CustomResourceDefinitions against the reference (§1), field by field, and what each of them has to have. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import type { JsonMap } from "../../lib/edge/embedded/json_map.ts";
import type { Schema } from "../../lib/edge/embedded/schema.ts";
import { CRDS } from "./embedded_stage.ts";

interface Version {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly additionalPrinterColumns?: readonly { name: string; type: string; jsonPath: string; priority?: number }[];
  readonly subresources: JsonMap;
  readonly schema: { readonly openAPIV3Schema: Schema };
}

interface Definition {
  readonly names: JsonMap & { readonly kind: string };
  readonly scope: string;
  readonly group: string;
  readonly versions: readonly Version[];
  readonly conversion?: JsonMap;
}

const DEFINITIONS = CRDS.map((crd) => crd["spec"] as unknown as Definition);
const VERSIONS = DEFINITIONS.flatMap((definition) => definition.versions.map((version) => ({ definition, version })));

const SELECTORS = "[]selector";

/**
 * Every field: type, then what restricts it. `!` is required, `=` a default, `..` bounds, `|` an enum.
 * A `selector` is Kubernetes' LabelSelector, whole.
 */
const FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "IPAddressPool/v1beta1": {
    spec: "object !",
    "spec.addresses": "[]string !",
    "spec.autoAssign": "boolean =true",
    "spec.avoidBuggyIPs": "boolean =false",
    "spec.serviceAllocation": "object",
    "spec.serviceAllocation.priority": "integer",
    "spec.serviceAllocation.namespaces": "[]string",
    "spec.serviceAllocation.namespaceSelectors": SELECTORS,
    "spec.serviceAllocation.serviceSelectors": SELECTORS,
    status: "object",
    "status.assignedIPv4": "integer int64 !",
    "status.assignedIPv6": "integer int64 !",
    "status.availableIPv4": "integer int64 !",
    "status.availableIPv6": "integer int64 !",
  },
  "L2Advertisement/v1beta1": {
    spec: "object",
    "spec.ipAddressPools": "[]string",
    "spec.ipAddressPoolSelectors": SELECTORS,
    "spec.nodeSelectors": SELECTORS,
    "spec.interfaces": "[]string",
    "spec.serviceSelectors": SELECTORS,
    "spec.preferredNodeSelectors": "[]object",
    "spec.preferredNodeSelectors[].weight": "integer int32 1..100 !",
    "spec.preferredNodeSelectors[].preference": "selector !",
    status: "object",
  },
  "BGPAdvertisement/v1beta1": {
    spec: "object",
    "spec.aggregationLength": "integer int32 1.. =32",
    "spec.aggregationLengthV6": "integer int32 =128",
    "spec.localPref": "integer int32",
    "spec.communities": "[]string",
    "spec.ipAddressPools": "[]string",
    "spec.ipAddressPoolSelectors": SELECTORS,
    "spec.nodeSelectors": SELECTORS,
    "spec.peers": "[]string",
    "spec.serviceSelectors": SELECTORS,
    status: "object",
  },
  "BGPPeer/v1beta2": {
    spec: "object",
    "spec.myASN": "integer int64 0..4294967295 !",
    "spec.peerASN": "integer int64 0..4294967295",
    "spec.localASN": "integer int64 1..4294967295",
    "spec.dynamicASN": "string internal|external",
    "spec.peerAddress": "string",
    "spec.interface": "string",
    "spec.sourceAddress": "string",
    "spec.peerPort": "integer 1..16384 =179",
    "spec.holdTime": "string",
    "spec.keepaliveTime": "string",
    "spec.connectTime": "string",
    "spec.routerID": "string",
    "spec.nodeSelectors": SELECTORS,
    "spec.password": "string",
    "spec.passwordSecret": "object atomic",
    "spec.passwordSecret.name": "string",
    "spec.passwordSecret.namespace": "string",
    "spec.bfdProfile": "string",
    "spec.enableGracefulRestart": "boolean",
    "spec.ebgpMultiHop": "boolean",
    "spec.vrf": "string",
    "spec.disableMP": "boolean =false",
    "spec.dualStackAddressFamily": "boolean =false",
    status: "object",
  },
  "BGPPeer/v1beta1": {
    spec: "object",
    "spec.myASN": "integer int64 0..4294967295 !",
    "spec.peerASN": "integer int64 0..4294967295 !",
    "spec.peerAddress": "string !",
    "spec.sourceAddress": "string",
    "spec.peerPort": "integer 0..16384",
    "spec.holdTime": "string",
    "spec.keepaliveTime": "string",
    "spec.routerID": "string",
    "spec.nodeSelectors": "[]object",
    "spec.nodeSelectors[].matchLabels": "object",
    "spec.nodeSelectors[].matchExpressions": "[]object",
    "spec.nodeSelectors[].matchExpressions[].key": "string !",
    "spec.nodeSelectors[].matchExpressions[].operator": "string !",
    "spec.nodeSelectors[].matchExpressions[].values": "[]string minItems=1 !",
    "spec.password": "string",
    "spec.bfdProfile": "string",
    "spec.ebgpMultiHop": "boolean",
    status: "object",
  },
  "BFDProfile/v1beta1": {
    spec: "object",
    "spec.receiveInterval": "integer int32 10..60000",
    "spec.transmitInterval": "integer int32 10..60000",
    "spec.detectMultiplier": "integer int32 2..255",
    "spec.echoInterval": "integer int32 10..60000",
    "spec.echoMode": "boolean",
    "spec.passiveMode": "boolean",
    "spec.minimumTtl": "integer int32 1..254",
    status: "object",
  },
  "Community/v1beta1": {
    spec: "object",
    "spec.communities": "[]object",
    "spec.communities[].name": "string",
    "spec.communities[].value": "string",
    status: "object",
  },
  "ServiceL2Status/v1beta1": {
    spec: "object",
    status: "object",
    "status.node": "string",
    "status.serviceName": "string",
    "status.serviceNamespace": "string",
    "status.interfaces": "[]object",
    "status.interfaces[].name": "string",
  },
  "ServiceBGPStatus/v1beta1": {
    spec: "object",
    status: "object",
    "status.node": "string",
    "status.serviceName": "string",
    "status.serviceNamespace": "string",
    "status.peers": "[]string",
  },
  "ConfigurationState/v1beta1": {
    status: "object",
    "status.result": "string Valid|Invalid|Unknown",
    "status.errorSummary": "string",
    "status.conditions": "[]object by type",
    "status.conditions[].type": "string !",
    "status.conditions[].status": "string True|False|Unknown !",
    "status.conditions[].observedGeneration": "integer int64 0..",
    "status.conditions[].lastTransitionTime": "string date-time !",
    "status.conditions[].reason": "string !",
    "status.conditions[].message": "string !",
  },
};

const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  "IPAddressPool/v1beta1": [
    "Auto Assign boolean .spec.autoAssign",
    "Avoid Buggy IPs boolean .spec.avoidBuggyIPs",
    "Addresses string .spec.addresses",
  ],
  "L2Advertisement/v1beta1": [
    "IPAddressPools string .spec.ipAddressPools",
    "IPAddressPool Selectors string .spec.ipAddressPoolSelectors",
    "Interfaces string .spec.interfaces",
    "Node Selectors string .spec.nodeSelectors 10",
  ],
  "BGPAdvertisement/v1beta1": [
    "IPAddressPools string .spec.ipAddressPools",
    "IPAddressPool Selectors string .spec.ipAddressPoolSelectors",
    "Peers string .spec.peers",
    "Node Selectors string .spec.nodeSelectors 10",
  ],
  ...Object.fromEntries(["BGPPeer/v1beta1", "BGPPeer/v1beta2"].map((version) => [version, [
    "Address string .spec.peerAddress",
    "ASN string .spec.peerASN",
    "BFD Profile string .spec.bfdProfile",
    "Multi Hops string .spec.ebgpMultiHop",
  ]])),
  "BFDProfile/v1beta1": [
    "Passive Mode boolean .spec.passiveMode",
    "Transmit Interval integer .spec.transmitInterval",
    "Receive Interval integer .spec.receiveInterval",
    "Multiplier integer .spec.detectMultiplier",
  ],
  "Community/v1beta1": [],
  "ServiceL2Status/v1beta1": [
    "Allocated Node string .status.node",
    "Service Name string .status.serviceName",
    "Service Namespace string .status.serviceNamespace",
  ],
  "ServiceBGPStatus/v1beta1": [
    "Node string .status.node",
    "Service Name string .status.serviceName",
    "Service Namespace string .status.serviceNamespace",
  ],
  "ConfigurationState/v1beta1": [
    "Result string .status.result",
    "ErrorSummary string .status.errorSummary",
    "Age date .metadata.creationTimestamp",
  ],
};

const keyOf = ({ definition, version }: typeof VERSIONS[number]) => `${definition.names.kind}/${version.name}`;

Deno.test("Definitions: every field is as the reference says, and there are no others", () => {
  assertEquals(VERSIONS.map(keyOf).sort(), Object.keys(FIELDS).sort());
  for (const each of VERSIONS) {
    const found: Record<string, string> = {};
    collect(each.version.schema.openAPIV3Schema, { path: "", found });
    for (const member of ["apiVersion", "kind", "metadata"]) delete found[member];
    const sort = (fields: Readonly<Record<string, string>>) => Object.fromEntries(Object.entries(fields).sort());
    assertEquals(sort(found), sort(FIELDS[keyOf(each)]!), keyOf(each));
  }
});

Deno.test("Definitions: printer columns are the reference's", () => {
  for (const each of VERSIONS) {
    const found = (each.version.additionalPrinterColumns ?? []).map(({ name, type, jsonPath, priority }) =>
      [name, type, jsonPath, priority].filter((part) => part !== undefined).join(" ")
    );
    assertEquals(found, COLUMNS[keyOf(each)], keyOf(each));
  }
});

Deno.test("Definitions: every field has a description", () => {
  const check = (schema: Schema, path: string): void => {
    assert(path.endsWith(".metadata") || (schema.description ?? "").length > 5, path);
    for (const [key, member] of Object.entries(schema.properties ?? {})) check(member, `${path}.${key}`);
    if (schema.items?.type === "object") check(schema.items, `${path}[]`);
  };
  for (const each of VERSIONS) check(each.version.schema.openAPIV3Schema, keyOf(each));
});

Deno.test("Definitions: all kinds are namespaced, in the category, without short names, and have a status", () => {
  for (const { definition, version } of VERSIONS) {
    const { names, scope, group } = definition;
    assertEquals([scope, group, names.shortNames, names.categories], ["Namespaced", "metallb.io", undefined, [
      "metallb",
    ]]);
    assertEquals([names.singular, names.listKind], [names.kind.toLowerCase(), `${names.kind}List`]);
    assertEquals([version.served, version.subresources], [true, { status: {} }]);
    assertEquals(version.storage, keyOf({ definition, version }) !== "BGPPeer/v1beta1");
    assertEquals(version.deprecated ?? false, keyOf({ definition, version }) === "BGPPeer/v1beta1");
  }
});

Deno.test("Definitions: BGPPeer is converted by the controller's webhook, and no other kind is", () => {
  for (const { names, conversion } of DEFINITIONS) {
    assertEquals(
      conversion,
      names.kind !== "BGPPeer" ? undefined : {
        strategy: "Webhook",
        webhook: {
          conversionReviewVersions: ["v1beta1", "v1beta2"],
          clientConfig: {
            service: { namespace: "metallb-system", name: "metallb-webhook-service", path: "/convert" },
          },
        },
      },
    );
  }
});

function collect(schema: Schema, { path, found }: { path: string; found: Record<string, string> }): void {
  for (const [key, member] of Object.entries(schema.properties ?? {})) {
    const at = path === "" ? key : `${path}.${key}`;
    const inner = member.type === "array" ? member.items! : member;
    const selects = isLabelSelector(inner);
    const type = selects ? "selector" : inner.type!;
    const parts = [member.type === "array" ? `[]${type}` : type, ...limitsOf(member, selects)];
    if (schema.required?.includes(key) === true) parts.push("!");
    found[at] = parts.join(" ");
    if (!selects) collect(inner, { path: member.type === "array" ? `${at}[]` : at, found });
  }
}

function limitsOf(schema: Schema, isSelector: boolean): string[] {
  const parts: string[] = [];
  if (schema.format !== undefined) parts.push(schema.format);
  if (schema.minimum !== undefined || schema.maximum !== undefined) {
    parts.push(`${schema.minimum ?? ""}..${schema.maximum ?? ""}`);
  }
  if (schema.enum !== undefined) parts.push(schema.enum.join("|"));
  if (schema.minItems !== undefined) parts.push(`minItems=${schema.minItems}`);
  if (!isSelector && schema["x-kubernetes-map-type"] !== undefined) parts.push(schema["x-kubernetes-map-type"]);
  if (schema["x-kubernetes-list-type"] === "map") parts.push(`by ${schema["x-kubernetes-list-map-keys"]}`);
  if (schema.default !== undefined) parts.push(`=${schema.default}`);
  return parts;
}

/** Kubernetes' own, with its list and map types (reference §1.1). */
function isLabelSelector(schema: Schema): boolean {
  const { matchExpressions, matchLabels } = schema.properties ?? {};
  const items = matchExpressions?.items;
  return schema["x-kubernetes-map-type"] === "atomic" &&
    matchExpressions?.["x-kubernetes-list-type"] === "atomic" &&
    JSON.stringify(items?.required) === '["key","operator"]' &&
    items?.properties?.["values"]?.["x-kubernetes-list-type"] === "atomic" &&
    (matchLabels?.additionalProperties as Schema | undefined)?.type === "string";
}
