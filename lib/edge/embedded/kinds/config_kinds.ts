/** Secrets, ConfigMaps and Leases: data without much behaviour. */
import { type FieldError, forbidden, invalid } from "../field_error.ts";
import { ensureMap, equalJson, isMap, type JsonMap, mapAt, textAt } from "../json_map.ts";
import { AGE_COLUMN, resourceType } from "../resource_type.ts";
import { always, bytesMap, flag, record, text, textMap, whole } from "../schema.ts";

export const SECRETS = resourceType({
  group: "",
  version: "v1",
  kind: "Secret",
  plural: "secrets",
  schema: record({ type: text, immutable: flag, data: bytesMap, stringData: textMap }),
  fields: { type: (body) => textAt(body, "type") },
  strategy: {
    defaults: (body) => {
      body.type ??= "Opaque";
      if (!isMap(body.stringData)) return;
      const data = ensureMap(body, "data");
      for (const [key, value] of Object.entries(body.stringData)) {
        if (typeof value === "string") data[key] = new TextEncoder().encode(value).toBase64();
      }
      delete body.stringData;
    },
    validate: (body, { previous }) => [
      ...validateData(body),
      ...validateImmutable(body, { previous, members: ["data"] }),
      ...(previous !== undefined && previous.type !== body.type
        ? [invalid("type", body.type ?? "", "field is immutable")]
        : []),
    ],
  },
  columns: [
    { name: "Type", type: "string", cell: (body) => textAt(body, "type") },
    { name: "Data", type: "string", cell: (body) => Object.keys(mapAt(body, "data")).length },
    AGE_COLUMN,
  ],
});

export const CONFIG_MAPS = resourceType({
  group: "",
  version: "v1",
  kind: "ConfigMap",
  plural: "configmaps",
  shortNames: ["cm"],
  schema: record({ immutable: flag, data: textMap, binaryData: bytesMap }),
  strategy: {
    validate: (body, { previous }) => [
      ...validateData(body),
      ...validateImmutable(body, { previous, members: ["data", "binaryData"] }),
    ],
  },
  columns: [
    {
      name: "Data",
      type: "string",
      cell: (body) => Object.keys(mapAt(body, "data")).length + Object.keys(mapAt(body, "binaryData")).length,
    },
    AGE_COLUMN,
  ],
});

export const LEASES = resourceType({
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  plural: "leases",
  schema: record({
    spec: always(record({
      holderIdentity: text,
      leaseDurationSeconds: whole,
      acquireTime: text,
      renewTime: text,
      leaseTransitions: whole,
      strategy: text,
      preferredHolder: text,
    })),
  }),
  createsOnUpdate: true,
  updatesUnconditionally: false,
  strategy: {
    validate: (body) => {
      const spec = mapAt(body, "spec");
      const errors: FieldError[] = [];
      for (const key of ["acquireTime", "renewTime"]) {
        const time = spec[key];
        if (typeof time === "string" && Number.isNaN(Date.parse(time))) {
          errors.push(invalid(`spec.${key}`, time, "must be an RFC 3339 time"));
        }
      }
      const seconds = spec.leaseDurationSeconds;
      if (typeof seconds === "number" && seconds <= 0) {
        errors.push(invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"));
      }
      const transitions = spec.leaseTransitions;
      if (typeof transitions === "number" && transitions < 0) {
        errors.push(invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"));
      }
      return errors;
    },
  },
  columns: [
    { name: "Holder", type: "string", cell: (body) => textAt(mapAt(body, "spec"), "holderIdentity") },
    AGE_COLUMN,
  ],
});

function validateData(body: JsonMap): FieldError[] {
  return Object.keys(mapAt(body, "data")).filter((key) => !/^[-._a-zA-Z0-9]{1,253}$/.test(key))
    .map((key) =>
      invalid(`data[${key}]`, key, "a valid key consists of at most 253 letters, digits, '-', '_' and '.'")
    );
}

function validateImmutable(
  body: JsonMap,
  { previous, members }: { previous: JsonMap | undefined; members: readonly string[] },
): FieldError[] {
  if (previous?.immutable !== true) return [];
  const errors: FieldError[] = [];
  if (body.immutable !== true) errors.push(forbidden("immutable", "field is immutable when `immutable` is set"));
  for (const member of members) {
    if (!equalJson(body[member], previous[member])) {
      errors.push(forbidden(member, "field is immutable when `immutable` is set"));
    }
  }
  return errors;
}
