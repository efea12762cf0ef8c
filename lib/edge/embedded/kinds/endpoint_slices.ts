/** EndpointSlices: filled by the controller in this folder, or by hand as on a server without one. */
import { type FieldError, invalid, notSupported, required } from "../field_error.ts";
import { isMap, type JsonMap, listAt, textAt, textsAt } from "../json_map.ts";
import { canonicalIp } from "../../../base/ip.ts";
import { AGE_COLUMN, resourceType } from "../resource_type.ts";
import { always, atomic, flag, list, mergedTexts, opaque, record, text, textMap, whole } from "../schema.ts";
import { OBJECT_REFERENCE } from "./common.ts";

const ADDRESS_TYPES = ["FQDN", "IPv4", "IPv6"];
/** Cells show no more ports and endpoints than this. */
const SHOWN_MAX = 3;

export const ENDPOINT_SLICES = resourceType({
  group: "discovery.k8s.io",
  version: "v1",
  kind: "EndpointSlice",
  plural: "endpointslices",
  schema: record({
    addressType: text,
    endpoints: list(
      record({
        addresses: mergedTexts,
        conditions: always(record({ ready: flag, serving: flag, terminating: flag })),
        hostname: text,
        targetRef: OBJECT_REFERENCE,
        deprecatedTopology: textMap,
        nodeName: text,
        zone: text,
        hints: opaque,
      }),
    ),
    ports: list(atomic(record({ name: text, protocol: text, port: whole, appProtocol: text }))),
  }),
  countsGeneration: true,
  strategy: {
    defaults: (body) => {
      for (const endpoint of listAt(body, "endpoints")) if (isMap(endpoint)) endpoint.conditions ??= {};
      for (const port of listAt(body, "ports")) {
        if (!isMap(port)) continue;
        port.name ??= "";
        port.protocol ??= "TCP";
      }
    },
    validate: (body, { previous }) => validateSlice(body, previous),
  },
  columns: [
    { name: "AddressType", type: "string", cell: (body) => textAt(body, "addressType") },
    { name: "Ports", type: "string", cell: portsCell },
    { name: "Endpoints", type: "string", cell: endpointsCell },
    AGE_COLUMN,
  ],
});

function validateSlice(body: JsonMap, previous: JsonMap | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const type = textAt(body, "addressType");
  if (type === "") errors.push(required("addressType"));
  else if (!ADDRESS_TYPES.includes(type)) errors.push(notSupported("addressType", type, ADDRESS_TYPES));
  if (previous !== undefined && previous.addressType !== body.addressType) {
    errors.push(invalid("addressType", type, "field is immutable"));
  }
  for (const [index, endpoint] of listAt(body, "endpoints").entries()) {
    const addresses = textsAt(endpoint, "addresses");
    if (addresses.length === 0) {
      errors.push(required(`endpoints[${index}].addresses`, "must contain at least 1 address"));
    }
    for (const address of addresses) {
      const family = canonicalIp(address) === undefined ? "" : address.includes(":") ? "IPv6" : "IPv4";
      if (type !== "FQDN" && family !== type) {
        errors.push(invalid(`endpoints[${index}].addresses`, address, `must be an ${type} address`));
      }
    }
  }
  return errors;
}

function portsCell(body: JsonMap): string {
  const ports = listAt(body, "ports").map((port) => isMap(port) && port.port !== undefined ? String(port.port) : "*");
  return ports.length === 0 ? "<unset>" : shortened(ports);
}

function endpointsCell(body: JsonMap): string {
  const addresses = listAt(body, "endpoints").flatMap((endpoint) => textsAt(endpoint, "addresses"));
  return addresses.length === 0 ? "<unset>" : shortened(addresses);
}

function shortened(items: readonly string[]): string {
  if (items.length <= SHOWN_MAX) return items.join(",");
  return `${items.slice(0, SHOWN_MAX).join(",")} + ${items.length - SHOWN_MAX} more...`;
}
