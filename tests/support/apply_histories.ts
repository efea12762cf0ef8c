/** Random histories of a Widget (tests/contract/apply_requests.ts): managers that apply, patch and give up in turn. */
import { below, type Rng } from "../../lib/base/rng.ts";
import type { ApplyRow } from "../contract/apply_requests.ts";

type Content = Record<string, unknown>;

const MANAGERS = ["a", "b", "c"];
const LETTERS = ["x", "y", "z"];

/** The next request about one object; it may be refused. */
export function randomRow(rng: Rng, { name, step }: { name: string; step: number }): ApplyRow {
  const version = below(rng, 4) === 0 ? "v2" : "v1";
  const path = `/apis/herald.test/${version}/namespaces/default/widgets/${name}`;
  const manager = pick(rng, MANAGERS);
  const body = {
    apiVersion: `herald.test/${version}`,
    kind: "Widget",
    metadata: randomMetadata(rng, name),
    ...randomParts(rng),
  };
  const status = below(rng, 6) === 0 ? "/status" : "";
  if (below(rng, 3) > 0) {
    const force = below(rng, 2) === 0 ? "&force=true" : "";
    return {
      name: `${step}: ${manager} applies`,
      method: "PATCH",
      path: `${path}${status}?fieldManager=${manager}${force}`,
      type: "application/apply-patch+yaml",
      body,
    };
  }
  return {
    name: `${step}: ${manager} patches`,
    method: "PATCH",
    path: `${path}${status}?fieldManager=${manager}`,
    type: "application/merge-patch+json",
    body: { metadata: body.metadata, ...randomPatch(rng, body) },
  };
}

function randomMetadata(rng: Rng, name: string): Content {
  return {
    name,
    ...(below(rng, 3) === 0 ? { labels: randomMap(rng) } : {}),
    ...(below(rng, 4) === 0 ? { finalizers: some(rng, LETTERS).map((letter) => `h.t/${letter}`) } : {}),
  };
}

function randomParts(rng: Rng): Content {
  const spec: Content = {};
  const parts: Record<string, () => unknown> = {
    size: () => below(rng, 3),
    sizes: () => some(rng, [1, 2, 3, 4]),
    rows: () =>
      some(rng, ["p", "q", "p/z2"]).map((key) => ({
        name: key[0],
        ...(key.includes("/") ? { zone: "z2" } : below(rng, 2) === 0 ? { zone: "z1" } : {}),
        ...(below(rng, 2) === 0 ? { value: pick(rng, LETTERS) } : {}),
        ...(below(rng, 2) === 0 ? { extra: pick(rng, LETTERS) } : {}),
      })),
    pair: () => ({ x: pick(rng, LETTERS), ...(below(rng, 2) === 0 ? { y: "1" } : {}) }),
    tags: () => randomMap(rng),
    parts: () =>
      Object.fromEntries(
        some(rng, LETTERS).map((key) => [key, below(rng, 3) === 0 ? {} : { [pick(rng, ["a", "b"])]: "1" }]),
      ),
    list: () => some(rng, LETTERS),
    free: () => ({ [pick(rng, LETTERS)]: below(rng, 2) === 0 ? { n: below(rng, 2) } : [below(rng, 2)] }),
  };
  for (const [key, make] of Object.entries(parts)) if (below(rng, 3) === 0) spec[key] = make();
  return {
    ...(below(rng, 8) === 0 ? {} : { spec }),
    ...(below(rng, 3) === 0 ? { status: { text: pick(rng, LETTERS) } } : {}),
  };
}

function randomPatch(rng: Rng, body: Content): Content {
  const spec = { ...body.spec as Content };
  for (const key of some(rng, ["sizes", "rows", "tags", "list", "parts", "free"])) {
    if (below(rng, 3) === 0) spec[key] = null;
  }
  return { spec, ...(body.status === undefined ? {} : { status: body.status }) };
}

function randomMap(rng: Rng): Content {
  return Object.fromEntries(some(rng, LETTERS).map((key) => [key, String(below(rng, 2))]));
}

function pick<T>(rng: Rng, items: readonly T[]): T {
  return items[below(rng, items.length)]!;
}

/** Some of the items in some order. */
function some<T>(rng: Rng, items: readonly T[]): T[] {
  return items.map((item) => ({ item, at: rng.u32() })).sort((a, b) => a.at - b.at)
    .slice(0, below(rng, items.length + 1)).map(({ item }) => item);
}
