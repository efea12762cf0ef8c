/**
 * OpenAPI v3 documents: enough for `kubectl` to see that the server validates fields itself, and to explain kinds.
 *
 * Strategic merge patch is not listed among the bodies of PATCH on purpose: for kinds that are listed with it, kubectl
 * computes patches from this document instead of from its built-in types, and these schemas leave out deep parts.
 */
import { fullSchema } from "./decoding.ts";
import type { JsonMap } from "./json_map.ts";
import type { Registry } from "./registry.ts";
import { groupVersionOf, type ResourceType } from "./resource_type.ts";

/** `/openapi/v3`: where the document of each group version is. */
export function openApiIndex(registry: Registry): JsonMap {
  const paths: JsonMap = {};
  for (const { group, version } of registry.groupVersions()) {
    const path = documentPath({ group, version });
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}` };
  }
  return { paths };
}

/** The document at a path of the index. */
export function openApiDocument(registry: Registry, path: string): JsonMap | undefined {
  const found = registry.groupVersions().find((each) => documentPath(each) === path);
  if (found === undefined) return undefined;
  const paths: JsonMap = {};
  const schemas: JsonMap = {};
  for (const type of found.types) {
    Object.assign(paths, pathsOf(type));
    schemas[schemaName(type)] = {
      ...fullSchema(type) as JsonMap,
      "x-kubernetes-group-version-kind": [kindOf(type)],
    };
  }
  return {
    openapi: "3.0.0",
    info: { title: "Herald embedded Kubernetes API", version: "v1.34.2" },
    paths,
    components: { schemas },
  };
}

/** The one encoding in which `kubectl` asks for version 2; with the `@` of its Accept it is no media type to Go. */
const OPENAPI_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/** `swagger: "2.0"`, an empty info, no paths: openapiv2.Document of gnostic, by hand. */
const EMPTY_V2_PROTOBUF = new Uint8Array([0x0a, 0x03, 0x32, 0x2e, 0x30, 0x12, 0x00, 0x42, 0x00]);

/**
 * `/openapi/v2` describes nothing: version 3 has it all. It is there because `kubectl` asks for it about kinds that it
 * does not find, and would show our 404 instead of saying that there is no such kind.
 */
export function openApiV2(accept: string | null): Response {
  if (accept?.includes("proto-openapi.spec.v2") === true) {
    return new Response(EMPTY_V2_PROTOBUF, { headers: { "content-type": OPENAPI_V2_PROTOBUF } });
  }
  return Response.json({ swagger: "2.0", info: { title: "", version: "" }, paths: {} });
}

function documentPath({ group, version }: { group: string; version: string }): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

function schemaName(type: ResourceType): string {
  const group = type.group === "" ? "core" : type.group;
  return `${group.split(".").reverse().join(".")}.${type.version}.${type.kind}`;
}

function kindOf(type: ResourceType): JsonMap {
  return { group: type.group, version: type.version, kind: type.kind };
}

function pathsOf(type: ResourceType): JsonMap {
  const root = type.group === "" ? `/api/${type.version}` : `/apis/${groupVersionOf(type)}`;
  const collection = type.namespaced ? `${root}/namespaces/{namespace}/${type.plural}` : `${root}/${type.plural}`;
  const operation = (action: string): JsonMap => ({
    operationId: `${action}${type.group}${type.version}${type.kind}`,
    responses: {
      "200": {
        description: "OK",
        content: { "application/json": { schema: { $ref: `#/components/schemas/${schemaName(type)}` } } },
      },
    },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": kindOf(type),
  });
  const write = (action: string, media: readonly string[]): JsonMap => ({
    ...operation(action),
    parameters: ["dryRun", "fieldManager", "fieldValidation"].map((name) => ({
      name,
      in: "query",
      schema: { type: "string", uniqueItems: true },
    })),
    requestBody: { content: Object.fromEntries(media.map((each) => [each, { schema: { type: "object" } }])) },
  });
  const patches = ["application/json-patch+json", "application/merge-patch+json"];
  return {
    [collection]: { get: operation("list"), post: write("post", ["application/json"]) },
    [`${collection}/{name}`]: {
      get: operation("get"),
      put: write("put", ["application/json"]),
      patch: write("patch", patches),
      delete: operation("delete"),
    },
  };
}
