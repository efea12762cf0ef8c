/**
 * All objects of one kind, decoded and in the order of their names: the order in which objects win over one another
 * must not depend on how they were listed (MetalLB's sort is broken there, R-31).
 */
import type { z } from "zod";
import { compareText } from "./config.ts";
import { decodeObject } from "./decode.ts";
import { quoteName } from "./distinct_texts.ts";
import { identityOf, type ObjectIdentity } from "./identity.ts";
import { type Problem, ProblemList } from "./problem.ts";

export interface Decodable {
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined };
}

export interface Draft<T> {
  readonly object: T;
  readonly name: string;
  readonly namespace: string;
  /** What is found to be wrong with it goes here; an error disables it. */
  readonly problems: ProblemList;
}

export interface DecodedList<T> {
  /** By name, then by namespace, then as given. */
  readonly drafts: readonly Draft<T>[];
  /** Those that could not be decoded. */
  readonly broken: readonly ObjectIdentity[];
  /** Of the broken ones. */
  readonly problems: readonly Problem[];
}

export function decodeList<T extends Decodable>(
  objects: readonly unknown[],
  options: { schema: z.ZodType<T>; kind: string },
): DecodedList<T> {
  const drafts: Draft<T>[] = [];
  const broken: ObjectIdentity[] = [];
  const problems: Problem[] = [];
  for (const one of objects) {
    const identity = identityOf(one, options.kind);
    const decoded = decodeObject(one, options);
    if (decoded.ok) {
      const { name, namespace = "" } = decoded.value.metadata;
      drafts.push({ object: decoded.value, name, namespace, problems: new ProblemList(identity) });
    } else {
      broken.push(identity);
      for (const problem of decoded.problems) problems.push(problem);
    }
  }
  drafts.sort((a, b) => compareText(a.name, b.name) || compareText(a.namespace, b.namespace));
  return { drafts, broken, problems };
}

/** For kinds that others refer to by name alone, or of which a name may exist once: the later one is refused. */
export function refuseDuplicateName(problems: ProblemList, options: { kind: string; name: string }): void {
  const message = `another ${options.kind} is named ${quoteName(options.name)}; that one is used, rename this one`;
  problems.error({ path: "metadata.name", reason: "duplicateName", message });
}
