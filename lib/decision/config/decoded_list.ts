/**
 * All objects of one kind, decoded and in the order of their names: the order in which objects win over one another
 * must not depend on how they were listed (MetalLB's sort is broken there, R-31).
 */
import { isRecord } from "../../base/json.ts";
import type { z } from "zod";
import { compareText } from "./config.ts";
import { decodeObject } from "./decode.ts";
import { decodeRest } from "./decode_rest.ts";
import { quoteName } from "./distinct_texts.ts";
import { identityOf, labelsOf, type ObjectIdentity } from "./identity.ts";
import { type Problem, ProblemList } from "./problem.ts";
import type { Labels } from "./service_view.ts";

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

export interface BrokenObject extends ObjectIdentity {
  readonly labels: Labels;
}

export interface DecodedList<T> {
  /** By name, then by namespace, then as given. */
  readonly drafts: readonly Draft<T>[];
  /** Those that could not be decoded; what can be read of one may stand among the drafts, with its errors. */
  readonly broken: readonly BrokenObject[];
  /** Of the broken ones that are not among the drafts. */
  readonly problems: readonly Problem[];
}

export function decodeList<T extends Decodable>(
  objects: readonly unknown[],
  options: { schema: z.ZodType<T>; kind: string },
): DecodedList<T> {
  const drafts: Draft<T>[] = [];
  const broken: BrokenObject[] = [];
  const problems: Problem[] = [];
  for (const one of objects) {
    const identity = identityOf(one, options.kind);
    const decoded = decodeObject(one, options);
    if (decoded.ok) {
      drafts.push(draftOf(decoded.value, new ProblemList(identity)));
      continue;
    }
    broken.push({ ...identity, labels: labelsOf(one) });
    const rest = isRecord(one) ? decodeRest(one, options.schema) : undefined;
    if (rest === undefined) { for (const problem of decoded.problems) problems.push(problem); }
    else drafts.push(draftOf(rest.value, new ProblemList(identity, { ...rest, problems: decoded.problems })));
  }
  drafts.sort((a, b) => compareText(a.name, b.name) || compareText(a.namespace, b.namespace));
  return { drafts, broken, problems };
}

function draftOf<T extends Decodable>(object: T, problems: ProblemList): Draft<T> {
  return { object, name: object.metadata.name, namespace: object.metadata.namespace ?? "", problems };
}

/** For kinds that others refer to by name alone, or of which a name may exist once: the later one is refused. */
export function refuseDuplicateName(problems: ProblemList, options: { kind: string; name: string }): void {
  const message = `another ${options.kind} is named ${quoteName(options.name)}; that one is used, rename this one`;
  problems.error({ path: "metadata.name", reason: "duplicateName", message });
}
