import { assertEquals } from "@std/assert/equals";
import {
  difference,
  fieldsAt,
  type FieldSet,
  intersection,
  isFieldSet,
  pathsOf,
  union,
  withoutParts,
} from "../../lib/edge/embedded/field_set.ts";
import { compareFields, mergeApplied } from "../../lib/edge/embedded/field_walk.ts";
import type { Schema } from "../../lib/edge/embedded/schema.ts";

const A: FieldSet = { "f:a": {}, "f:b": { ".": {}, "f:c": {}, "f:d": {} } };
const B: FieldSet = { "f:b": { "f:c": {} }, "f:e": {} };

Deno.test("Field sets: what is not FieldsV1 is refused", () => {
  const bad = [null, [], "f:a", { a: {} }, { "f:a": 1 }, { "k:x": {} }, { "k:[]": {} }, { "i:x": {} }, { "v:": {} }];
  for (const value of bad) assertEquals(isFieldSet(value), false, JSON.stringify(value));
  assertEquals(isFieldSet({ "f:a": { ".": {}, 'k:{"p":1}': {}, "v:1": {}, "i:0": {} } }), true);
});

Deno.test("Field sets: a part and what is below it are fields of their own", () => {
  assertEquals(union(A, B), { "f:a": {}, "f:b": { ".": {}, "f:c": {}, "f:d": {} }, "f:e": {} });
  assertEquals(intersection(A, B), { "f:b": { "f:c": {} } });
  assertEquals(difference(A, B), { "f:a": {}, "f:b": { ".": {}, "f:d": {} } });
  assertEquals(difference(A, { "f:b": {} }), { "f:a": {}, "f:b": { "f:c": {}, "f:d": {} } });
  assertEquals(difference(A, A), undefined);
  assertEquals(union(undefined, undefined), undefined);
});

Deno.test("Field sets: parts are taken away with all that is below them", () => {
  assertEquals(withoutParts(A, fieldsAt(["b"])), { "f:a": {} });
  assertEquals(withoutParts(A, fieldsAt(["b", "c"], ["a"])), { "f:b": { ".": {}, "f:d": {} } });
});

Deno.test("Field sets: paths for people, a part before what is below it", () => {
  const set: FieldSet = {
    "f:s": { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:name": {} }, 'v:"x"': {}, "i:3": {} },
  };
  assertEquals(pathsOf(set), [
    '.s[port=80,protocol="TCP"]',
    '.s[="x"]',
    ".s[3]",
    '.s[port=80,protocol="TCP"].name',
  ]);
});

const SET: Schema = { type: "array", items: { type: "integer" }, "x-kubernetes-list-type": "set" };

const MERGES: readonly (readonly [live: number[], applied: number[], merged: number[]])[] = [
  [[1, 2], [], [1, 2]],
  [[], [2, 1], [2, 1]],
  [[1, 2, 3], [3, 1], [2, 3, 1]],
  [[1, 9, 2], [2, 5, 1], [9, 2, 5, 1]],
  [[1, 9], [5, 1], [5, 1, 9]],
];

Deno.test("Merging: applied items keep their order, the others their place", () => {
  for (const [live, applied, merged] of MERGES) {
    assertEquals(mergeApplied(live, applied, SET), merged, JSON.stringify([live, applied]));
  }
});

Deno.test("Comparing: an atomic list is one field, a set one for each item, a default is no change", () => {
  const schema: Schema = {
    type: "object",
    properties: { list: { type: "array" }, set: SET, part: { type: "object", properties: {}, default: {} } },
  };
  const compared = compareFields({ list: [1], set: [1, 2] }, { list: [1, 2], set: [2, 3], part: {} }, schema);
  assertEquals(compared, { changed: { "f:list": {}, "f:set": { "v:3": {} } }, removed: { "f:set": { "v:1": {} } } });
});
