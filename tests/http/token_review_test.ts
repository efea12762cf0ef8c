import { assertEquals } from "@std/assert/equals";
import { Hono } from "hono";
import type { LogEvent } from "../../lib/base/log.ts";
import { type ReviewedUser, tokenReview, type TokenReviewOptions } from "../../lib/edge/http/token_review.ts";

const PROMETHEUS: ReviewedUser = { username: "system:serviceaccount:monitoring:prometheus", groups: ["g"] };

class Stage {
  nowMs = 0;
  readonly asked: string[] = [];
  readonly events: LogEvent[] = [];
  users: Record<string, ReviewedUser> = { good: PROMETHEUS };
  allowed = true;
  broken: "authenticate" | "authorize" | undefined;
  /** While set, answers wait for it. */
  gate: Promise<void> | undefined;
  readonly app: Hono;

  constructor(options: TokenReviewOptions = {}) {
    this.app = new Hono();
    this.app.use(tokenReview(options, {
      clock: { now: () => this.nowMs },
      log: (event) => this.events.push(event),
      reviewer: {
        authenticate: async (token) => {
          this.asked.push(`who ${token.slice(0, 20)}`);
          await this.gate;
          if (this.broken === "authenticate") throw new Error(`cannot send ${token}`);
          return this.users[token];
        },
        authorize: async ({ user, path, verb }) => {
          this.asked.push(`may ${user.username.split(":").at(-1)} ${verb} ${path}`);
          await this.gate;
          if (this.broken === "authorize") throw new Error("down");
          return this.allowed;
        },
      },
    }));
    this.app.all("*", (context) => context.text("secret"));
  }

  async ask(authorization: string | undefined, path = "/metrics", method = "GET"): Promise<number> {
    const response = await this.app.request(path, {
      method,
      headers: authorization === undefined ? {} : { authorization },
    });
    const text = await response.text();
    if (response.status !== 200) assertEquals(text.includes("secret"), false);
    return response.status;
  }
}

const NO_TOKEN: readonly (readonly [string, string | undefined])[] = [
  ["no header", undefined],
  ["an empty header", ""],
  ["another scheme", "Basic good"],
  ["no token", "Bearer "],
  ["two tokens", "Bearer good good"],
  ["a comma", "Bearer good,good"],
  ["only padding", "Bearer =="],
  ["characters of no token", "Bearer gööd"],
  ["an endless token", `Bearer ${"a".repeat(20_000)}`],
];

for (const [title, header] of NO_TOKEN) {
  Deno.test(`TokenReview: ${title} is 401, and the API is not asked`, async () => {
    const stage = new Stage();
    // fetch's Headers refuse what is not Latin-1; that is as good as a 401.
    assertEquals(await stage.ask(header).catch(() => 401), 401);
    assertEquals(stage.asked, []);
  });
}

Deno.test("TokenReview: a 401 names the scheme", async () => {
  const response = await new Stage().app.request("/metrics");
  assertEquals(response.headers.get("www-authenticate"), "Bearer");
});

Deno.test("TokenReview: an unknown token is 401, remembered for a minute", async () => {
  const stage = new Stage();
  assertEquals(await stage.ask("Bearer bad"), 401);
  stage.nowMs = 59_999;
  assertEquals(await stage.ask("Bearer bad"), 401);
  assertEquals(stage.asked, ["who bad"]);
  stage.nowMs = 60_000;
  stage.users["bad"] = PROMETHEUS;
  assertEquals(await stage.ask("Bearer bad"), 200);
});

Deno.test("TokenReview: a user without the right is 403, remembered for thirty seconds", async () => {
  const stage = new Stage();
  stage.allowed = false;
  assertEquals(await stage.ask("Bearer good"), 403);
  stage.allowed = true;
  stage.nowMs = 29_999;
  assertEquals(await stage.ask("Bearer good"), 403);
  stage.nowMs = 30_000;
  assertEquals(await stage.ask("Bearer good"), 200);
  assertEquals(stage.asked, ["who good", "may prometheus get /metrics", "may prometheus get /metrics"]);
});

for (const broken of ["authenticate", "authorize"] as const) {
  Deno.test(`TokenReview: a failing ${broken} is 500, is not remembered, and the log has no token`, async () => {
    const stage = new Stage();
    stage.broken = broken;
    assertEquals(await stage.ask("Bearer good"), 500);
    stage.broken = undefined;
    assertEquals(await stage.ask("Bearer good"), 200);
    assertEquals(stage.events.map((event) => [event.level, event.event]), [["warn", "tokenReviewFailed"]]);
    assertEquals(JSON.stringify(stage.events).includes("good"), false);
  });
}

Deno.test("TokenReview: a yes is remembered for five minutes, who it is for one", async () => {
  const stage = new Stage();
  assertEquals(await stage.ask("Bearer good"), 200);
  assertEquals(await stage.ask("bearer   good"), 200);
  assertEquals(stage.asked, ["who good", "may prometheus get /metrics"]);
  stage.allowed = false;
  stage.nowMs = 299_999;
  assertEquals(await stage.ask("Bearer good"), 200);
  assertEquals(stage.asked.slice(2), ["who good"]);
  stage.nowMs = 300_000;
  assertEquals(await stage.ask("Bearer good"), 403);
});

Deno.test("TokenReview: verb and path are part of the question", async () => {
  const stage = new Stage();
  await stage.ask("Bearer good", "/metrics");
  await stage.ask("Bearer good", "/status?x=1");
  await stage.ask("Bearer good", "/status", "POST");
  assertEquals(stage.asked, [
    "who good",
    "may prometheus get /metrics",
    "may prometheus get /status",
    "may prometheus post /status",
  ]);
});

Deno.test("TokenReview: equal questions at once are asked once", async () => {
  const stage = new Stage();
  const open = Promise.withResolvers<void>();
  stage.gate = open.promise;
  const answers = [stage.ask("Bearer good"), stage.ask("Bearer good"), stage.ask("Bearer good")];
  open.resolve();
  assertEquals(await Promise.all(answers), [200, 200, 200]);
  assertEquals(stage.asked, ["who good", "may prometheus get /metrics"]);
});

Deno.test("TokenReview: more open questions than allowed are 503; what is known is still answered", async () => {
  const stage = new Stage({ openMax: 2 });
  assertEquals(await stage.ask("Bearer good"), 200);
  const open = Promise.withResolvers<void>();
  stage.gate = open.promise;
  const waiting = [stage.ask("Bearer a"), stage.ask("Bearer b")];
  assertEquals(await stage.ask("Bearer c"), 503);
  assertEquals(await stage.ask("Bearer good"), 200);
  open.resolve();
  assertEquals(await Promise.all(waiting), [401, 401]);
  assertEquals(await stage.ask("Bearer c"), 401);
});

Deno.test("TokenReview: a flood of tokens forgets the oldest and stays bounded", async () => {
  const stage = new Stage({ entriesMax: 3 });
  assertEquals(await stage.ask("Bearer good"), 200);
  for (const token of ["a", "b", "c"]) assertEquals(await stage.ask(`Bearer ${token}`), 401);
  stage.asked.length = 0;
  assertEquals(await stage.ask("Bearer c"), 401);
  assertEquals(stage.asked, []);
  assertEquals(await stage.ask("Bearer good"), 200);
  assertEquals(stage.asked, ["who good"]);
});
