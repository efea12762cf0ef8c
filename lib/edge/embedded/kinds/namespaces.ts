/** Namespaces: `default` and `kube-system` are there from the start. */
import { mapAt, textAt } from "../json_map.ts";
import { AGE_COLUMN, resourceType } from "../resource_type.ts";
import { always, record, text, texts } from "../schema.ts";
import { ensureMap } from "../json_map.ts";
import { CONDITIONS } from "./common.ts";

export const NAMESPACES = resourceType({
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  namespaced: false,
  shortNames: ["ns"],
  verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
  schema: record({
    spec: always(record({ finalizers: texts })),
    status: always(record({ phase: text, conditions: CONDITIONS })),
  }),
  hasStatus: true,
  returnsDeleted: true,
  nameRule: "label",
  fields: { "status.phase": (body) => textAt(mapAt(body, "status"), "phase") },
  strategy: {
    defaults: (body) => {
      // Every namespace can be selected by its name.
      const metadata = ensureMap(body, "metadata");
      const name = textAt(metadata, "name");
      if (name !== "") ensureMap(metadata, "labels")["kubernetes.io/metadata.name"] = name;
    },
    beforeCreate: (body) => {
      const name = textAt(body.metadata, "name");
      ensureMap(ensureMap(body, "metadata"), "labels")["kubernetes.io/metadata.name"] = name;
      body.spec = { finalizers: ["kubernetes"] };
      body.status = { phase: "Active" };
    },
    beforeUpdate: (body, { previous }) => {
      body.spec = { ...mapAt(previous, "spec") };
    },
  },
  columns: [{ name: "Status", type: "string", cell: (body) => textAt(mapAt(body, "status"), "phase") }, AGE_COLUMN],
});
