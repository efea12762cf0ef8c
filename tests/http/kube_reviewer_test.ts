import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import type { JsonObject } from "../../lib/base/json.ts";
import { kubeReviewer } from "../../lib/edge/http/kube_reviewer.ts";

const answering = (answer: unknown) => kubeReviewer({ post: () => Promise.resolve(answer) });
const question = { user: { username: "u" }, path: "/metrics", verb: "get" };

const NO_USER: readonly unknown[] = [
  undefined,
  null,
  "text",
  {},
  { status: {} },
  { status: { authenticated: "true", user: { username: "u" } } },
  { status: { authenticated: false, user: { username: "u" }, error: "expired" } },
];

for (const answer of NO_USER) {
  Deno.test(`KubeReviewer: ${JSON.stringify(answer)} authenticates nobody and allows nothing`, async () => {
    assertEquals(await answering(answer).authenticate("t"), undefined);
    assertEquals(await answering(answer).authorize(question), false);
  });
}

Deno.test("KubeReviewer: an authenticated nobody is an error of the API, not a user", async () => {
  for (const user of [undefined, {}, { username: "" }, { username: 7 }]) {
    await assertRejects(
      () => answering({ status: { authenticated: true, user } }).authenticate("t"),
      Error,
      "names no user",
    );
  }
});

Deno.test("KubeReviewer: a denial outweighs a permission", async () => {
  assertEquals(await answering({ status: { allowed: true, denied: true } }).authorize(question), false);
  assertEquals(await answering({ status: { allowed: true } }).authorize(question), true);
});

Deno.test("KubeReviewer: an API that cannot be asked rejects", async () => {
  const reviewer = kubeReviewer({ post: () => Promise.reject(new Error("down")) });
  await assertRejects(() => reviewer.authenticate("t"), Error, "down");
  await assertRejects(() => reviewer.authorize(question), Error, "down");
});

Deno.test("KubeReviewer: posts both kinds, and hands on everything that the API said of the user", async () => {
  const posted: [string, JsonObject][] = [];
  const user = { username: "u", uid: "1", groups: ["a", "b"], extra: { "example.test/x": ["y"] } };
  const reviewer = kubeReviewer({
    post: (path, body) => {
      posted.push([path, body]);
      return Promise.resolve({ status: { authenticated: true, allowed: true, user } });
    },
  });
  assertEquals(await reviewer.authenticate("t"), user);
  assertEquals(await reviewer.authorize({ user, path: "/status", verb: "get" }), true);
  assertEquals(posted, [
    ["/apis/authentication.k8s.io/v1/tokenreviews", {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token: "t" },
    }],
    ["/apis/authorization.k8s.io/v1/subjectaccessreviews", {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: {
        user: "u",
        uid: "1",
        groups: ["a", "b"],
        extra: { "example.test/x": ["y"] },
        nonResourceAttributes: { path: "/status", verb: "get" },
      },
    }],
  ]);
});
