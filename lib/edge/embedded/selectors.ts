/**
 * Label and field selectors of lists and watches, in the query syntax of the API: `app=web,tier!=db,env in (a,b),!x`.
 */
import { badRequest } from "./status_error.ts";
import { type JsonMap, textAt } from "./json_map.ts";
import type { ResourceType } from "./resource_type.ts";
import type { StoredObject } from "./stored_object.ts";

export type ObjectFilter = (object: StoredObject) => boolean;

/** Requirements of one selector; more are refused. */
const REQUIREMENTS_MAX = 200;

/** Both selectors of a request in one function. Throws a 400 when one cannot be read or names an unknown field. */
export function objectFilter(type: ResourceType, options: { labels: string; fields: string }): ObjectFilter {
  const tests: ObjectFilter[] = [];
  for (const requirement of parseLabelSelector(options.labels)) {
    tests.push((object) => requirement(object.labels));
  }
  tests.push(...parseFieldSelector(type, options.fields));
  return (object) => tests.every((test) => test(object));
}

type LabelTest = (labels: JsonMap) => boolean;

/** Splits at commas outside parentheses and reads each requirement. */
function parseLabelSelector(text: string): LabelTest[] {
  if (text.trim() === "") return [];
  const parts = splitOutsideParentheses(text);
  if (parts.length > REQUIREMENTS_MAX) {
    throw badRequest(`unable to parse requirement: more than ${REQUIREMENTS_MAX} of them`);
  }
  return parts.map((part) => parseRequirement(part.trim()));
}

function parseRequirement(part: string): LabelTest {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(part);
  if (set !== null) {
    const key = labelKey(set[1]!);
    const values = set[3]!.split(",").map((value) => labelValue(value.trim()));
    return set[2] === "in"
      ? (labels) => Object.hasOwn(labels, key) && values.includes(textAt(labels, key))
      : (labels) => !Object.hasOwn(labels, key) || !values.includes(textAt(labels, key));
  }
  const comparison = /^([^=!<>\s]+)\s*(==|=|!=|>|<)\s*(\S*)$/.exec(part);
  if (comparison !== null) {
    const key = labelKey(comparison[1]!);
    const value = labelValue(comparison[3]!);
    switch (comparison[2]) {
      case "!=":
        return (labels) => !Object.hasOwn(labels, key) || textAt(labels, key) !== value;
      case ">":
        return (labels) => Object.hasOwn(labels, key) && Number(textAt(labels, key)) > Number(value);
      case "<":
        return (labels) => Object.hasOwn(labels, key) && Number(textAt(labels, key)) < Number(value);
      default:
        return (labels) => Object.hasOwn(labels, key) && textAt(labels, key) === value;
    }
  }
  if (part.startsWith("!")) {
    const key = labelKey(part.slice(1).trim());
    return (labels) => !Object.hasOwn(labels, key);
  }
  const key = labelKey(part);
  return (labels) => Object.hasOwn(labels, key);
}

function labelKey(key: string): string {
  if (!/^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/.test(key)) {
    throw badRequest(`unable to parse requirement: "${key}" is not a label key`);
  }
  return key;
}

function labelValue(value: string): string {
  if (value !== "" && !/^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/.test(value)) {
    throw badRequest(`unable to parse requirement: "${value}" is not a label value`);
  }
  return value;
}

function splitOutsideParentheses(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (character === "," && depth === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function parseFieldSelector(type: ResourceType, text: string): ObjectFilter[] {
  if (text.trim() === "") return [];
  return text.split(",").map((part) => {
    const match = /^([^=!]+)(!=|==|=)(.*)$/.exec(part.trim());
    if (match === null) throw badRequest(`invalid field selector "${text}": "${part}" has no "=" or "!="`);
    const read = fieldReader(type, match[1]!.trim());
    const value = match[3]!.trim();
    return match[2] === "!=" ? (object) => read(object) !== value : (object) => read(object) === value;
  });
}

function fieldReader(type: ResourceType, field: string): (object: StoredObject) => string {
  if (field === "metadata.name") return (object) => object.name;
  if (field === "metadata.namespace" && type.namespaced) return (object) => object.namespace;
  const read = Object.hasOwn(type.fields, field) ? type.fields[field] : undefined;
  if (read === undefined) throw badRequest(`field label not supported: ${field}`);
  return (object) => read(object.body);
}
