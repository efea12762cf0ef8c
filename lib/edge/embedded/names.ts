/**
 * The rules for what objects, labels and annotations may be called (RFC 1123, RFC 1035), with the path of the field
 * that breaks them.
 */
import { type FieldError, invalid, required } from "./field_error.ts";
import { isMap, type JsonMap, textAt } from "./json_map.ts";
import type { ResourceType } from "./resource_type.ts";

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const SERVICE_NAME = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_NAME = /^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/;

const ANNOTATIONS_SIZE_MAX = 256 * 1024;

/** Everything wrong with the metadata of an object that is about to be stored. */
export function validateMetadata(type: ResourceType, metadata: JsonMap): FieldError[] {
  const errors: FieldError[] = [];
  const name = textAt(metadata, "name");
  if (name === "") errors.push(required("metadata.name", "name or generateName is required"));
  else errors.push(...validateName(type.nameRule, name));
  if (isMap(metadata.labels)) errors.push(...validateLabels(metadata.labels, "metadata.labels"));
  if (isMap(metadata.annotations)) errors.push(...validateAnnotations(metadata.annotations));
  return errors;
}

function validateName(rule: ResourceType["nameRule"], name: string): FieldError[] {
  const path = "metadata.name";
  switch (rule) {
    case "label":
      if (name.length > 63) return [tooLong(path, 63)];
      return LABEL.test(name) ? [] : [invalid(path, name, labelWords("RFC 1123"))];
    case "serviceName":
      if (name.length > 63) return [tooLong(path, 63)];
      return SERVICE_NAME.test(name) ? [] : [invalid(path, name, labelWords("DNS-1035"))];
    case "subdomain":
      if (name.length > 253) return [tooLong(path, 253)];
      return SUBDOMAIN.test(name) ? [] : [
        invalid(
          path,
          name,
          "a lowercase RFC 1123 subdomain must consist of lower case letters, digits, '-' and '.', and start and end " +
            `with a letter or digit (regex used for validation is '${SUBDOMAIN.source.slice(1, -1)}')`,
        ),
      ];
  }
}

function labelWords(rule: "RFC 1123" | "DNS-1035"): string {
  const [name, start, regex] = rule === "RFC 1123"
    ? ["a lowercase RFC 1123 label", "start and end with a letter or digit", LABEL]
    : ["a DNS-1035 label", "start with a letter and end with a letter or digit", SERVICE_NAME];
  return `${name} must consist of lower case letters, digits and '-', and ${start} ` +
    `(regex used for validation is '${regex.source.slice(1, -1)}')`;
}

function validateLabels(labels: JsonMap, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels)) {
    errors.push(...validateQualifiedName(key, path));
    if (typeof value !== "string") continue;
    if (value.length > 63) errors.push(tooLong(path, 63));
    else if (value !== "" && !QUALIFIED_NAME.test(value)) {
      errors.push(
        invalid(
          path,
          value,
          "a valid label must be empty or consist of letters, digits, '-', '_' and '.', and start and end with a letter or digit",
        ),
      );
    }
  }
  return errors;
}

function validateAnnotations(annotations: JsonMap): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(annotations)) {
    errors.push(...validateQualifiedName(key.toLowerCase(), "metadata.annotations"));
    size += key.length + (typeof value === "string" ? value.length : 0);
  }
  if (size > ANNOTATIONS_SIZE_MAX) errors.push(tooLong("metadata.annotations", ANNOTATIONS_SIZE_MAX));
  return errors;
}

/** `name` or `prefix/name`. */
function validateQualifiedName(key: string, path: string): FieldError[] {
  const slash = key.indexOf("/");
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  const prefixFits = prefix === undefined || (prefix.length <= 253 && SUBDOMAIN.test(prefix));
  if (prefixFits && name.length <= 63 && QUALIFIED_NAME.test(name)) return [];
  return [
    invalid(
      path,
      key,
      "a qualified name is a name of at most 63 letters, digits, '-', '_' and '.', with an optional DNS subdomain and '/' before it",
    ),
  ];
}

function tooLong(path: string, lengthMax: number): FieldError {
  return { path, reason: "FieldValueTooLong", message: `Too long: may not be more than ${lengthMax} bytes` };
}
