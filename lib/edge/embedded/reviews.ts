/**
 * Who a caller is and what they may do: TokenReview and the access reviews, which are answered and not kept.
 *
 * There are two kinds of identities: administrators, who may do everything, and others, who may do nothing but exist.
 */
import type { VirtualType } from "./discovery.ts";
import { type JsonMap, mapAt, textAt, textsAt } from "./json_map.ts";

export interface Identity {
  readonly username: string;
  readonly groups: readonly string[];
  readonly admin: boolean;
}

export const ADMIN: Identity = {
  username: "kubernetes-admin",
  groups: ["system:masters", "system:authenticated"],
  admin: true,
};

const AUTHENTICATION = "authentication.k8s.io";
const AUTHORIZATION = "authorization.k8s.io";

export const REVIEW_TYPES: readonly VirtualType[] = [
  { group: AUTHENTICATION, version: "v1", kind: "TokenReview", plural: "tokenreviews" },
  { group: AUTHENTICATION, version: "v1", kind: "SelfSubjectReview", plural: "selfsubjectreviews" },
  { group: AUTHORIZATION, version: "v1", kind: "SubjectAccessReview", plural: "subjectaccessreviews" },
  { group: AUTHORIZATION, version: "v1", kind: "SelfSubjectAccessReview", plural: "selfsubjectaccessreviews" },
];

export class Reviews {
  readonly #tokens: ReadonlyMap<string, Identity>;

  constructor(options: { tokens: ReadonlyMap<string, Identity> }) {
    this.#tokens = options.tokens;
  }

  identify(token: string): Identity | undefined {
    return token === "" ? undefined : this.#tokens.get(token);
  }

  /** The review with its status filled in. */
  answer(kind: string, { review, caller }: { review: JsonMap; caller: Identity }): JsonMap {
    const spec = mapAt(review, "spec");
    switch (kind) {
      case "TokenReview": {
        const identity = this.identify(textAt(spec, "token"));
        const status: JsonMap = identity === undefined
          ? { user: {}, error: "[invalid bearer token]" }
          : { authenticated: true, user: userOf(identity), audiences: audiencesOf(spec) };
        return { ...review, status };
      }
      case "SelfSubjectReview":
        return { ...review, status: { userInfo: userOf(caller) } };
      case "SelfSubjectAccessReview":
        return { ...review, status: verdict(caller.admin) };
      default: {
        const groups = textsAt(spec, "groups");
        const user = textAt(spec, "user");
        const known = [...this.#tokens.values()].some((identity) => identity.admin && identity.username === user);
        return { ...review, status: verdict(known || groups.includes("system:masters")) };
      }
    }
  }
}

function audiencesOf(spec: JsonMap): string[] {
  const asked = textsAt(spec, "audiences");
  return asked.length > 0 ? asked : ["https://kubernetes.default.svc"];
}

function userOf(identity: Identity): JsonMap {
  return { username: identity.username, groups: [...identity.groups] };
}

function verdict(allowed: boolean): JsonMap {
  return allowed ? { allowed: true, reason: "administrators may do everything" } : { allowed: false };
}
