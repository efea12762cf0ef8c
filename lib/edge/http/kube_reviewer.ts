/**
 * The two review kinds as JSON: what to post to the API server, and how to read its answer. Who posts is injected, so
 * that this folder needs no Kubernetes client.
 */
import type { JsonObject } from "../../base/json.ts";
import type { ReviewedUser, Reviewer } from "./token_review.ts";

/** Posts a JSON object to a path of the API server and gives the object of a 2xx answer; rejects for anything else. */
export type PostToApi = (path: string, body: JsonObject) => Promise<unknown>;

export function kubeReviewer(deps: { readonly post: PostToApi }): Reviewer {
  return {
    async authenticate(token) {
      const answer = await deps.post("/apis/authentication.k8s.io/v1/tokenreviews", {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenReview",
        spec: { token },
      });
      const status = member(answer, "status");
      // `status.error` beside `authenticated: false` is how the API says that a token is malformed or too old.
      return member(status, "authenticated") === true ? readUser(member(status, "user")) : undefined;
    },
    async authorize({ user, path, verb }) {
      const answer = await deps.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: {
          user: user.username,
          ...(user.uid === undefined ? {} : { uid: user.uid }),
          ...(user.groups === undefined ? {} : { groups: user.groups }),
          ...(user.extra === undefined ? {} : { extra: user.extra }),
          nonResourceAttributes: { path, verb },
        },
      });
      const status = member(answer, "status");
      return member(status, "allowed") === true && member(status, "denied") !== true;
    },
  };
}

function readUser(value: unknown): ReviewedUser {
  const username = member(value, "username");
  if (typeof username !== "string" || username === "") throw new Error("the TokenReview names no user");
  const uid = member(value, "uid");
  const groups = member(value, "groups");
  const extra = member(value, "extra");
  return {
    username,
    ...(typeof uid === "string" && uid !== "" ? { uid } : {}),
    ...(isStrings(groups) ? { groups } : {}),
    ...(isExtra(extra) ? { extra } : {}),
  };
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function isExtra(value: unknown): value is Readonly<Record<string, readonly string[]>> {
  return typeof value === "object" && value !== null && Object.values(value).every(isStrings);
}
