import { assertEquals } from "@std/assert/equals";
import { Hono } from "hono";
import type { LogEvent } from "../../lib/base/log.ts";
import { ApiAway, type ReviewedUser, tokenReview, type TokenReviewOptions } from "../../lib/edge/http/token_review.ts";

const PROMETHEUS: ReviewedUser = { username: "system:serviceaccount:monitoring:prometheus", groups: ["g"] };

class Stage {
  nowMs = 0;
  /** What wall clock and monotonic time differ by. */
  readonly epochMs = 1_800_000_000_000;
  readonly asked: string[] = [];
  readonly events: LogEvent[] = [];
  users: Record<string, ReviewedUser> = { good: PROMETHEUS };
  allowed = true;
  broken: "authenticate" | "authorize" | undefined;
  away = false;
  /** While set, answers wait for it. */
  gate: Promise<void> | undefined;
  readonly app: Hono;

  constructor(options: TokenReviewOptions = {}) {
    this.app = new Hono();
    this.app.use(tokenReview(options, {
      clock: { now: () => this.nowMs, wallMs: () => this.epochMs + this.nowMs },
      log: (event) => this.events.push(event),
      reviewer: {
        authenticate: async (token) => {
          this.asked.push(`who ${token.slice(0, 20)}`);
          await this.gate;
          if (this.away) throw new ApiAway(`no way for ${token}`);
          if (this.broken === "authenticate") throw new Error(`cannot send ${token}`);
          return this.users[token];
        },
        authorize: async ({ user, path, verb }) => {
          this.asked.push(`may ${user.username.split(":").at(-1)} ${verb} ${path}`);
          await this.gate;
          if (this.away) throw new ApiAway("no way");
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

/** An hour after the last yes; by then the review caches forgot it long ago. */
const HOUR_MS = 3_600_000;

Deno.test("TokenReview: while the API is away, what it allowed is accepted for an hour after its last yes", async () => {
  const stage = new Stage();
  assertEquals(await stage.ask("Bearer good"), 200);
  stage.away = true;
  stage.nowMs = HOUR_MS - 1;
  assertEquals(await stage.ask("Bearer good"), 200);
  stage.nowMs = HOUR_MS;
  assertEquals(await stage.ask("Bearer good"), 500);
});

Deno.test("TokenReview: an outage is told once, its end too, and no token is in the log", async () => {
  const stage = new Stage();
  await stage.ask("Bearer good");
  stage.nowMs = 400_000;
  stage.away = true;
  for (const token of ["good", "good", "stranger"]) await stage.ask(`Bearer ${token}`);
  stage.away = false;
  for (const token of ["good", "stranger"]) await stage.ask(`Bearer ${token}`);
  assertEquals(stage.events, [
    { level: "warn", event: "tokenReviewsUnanswered", error: "Error: no way for …", acceptedForMinutes: 60 },
    { level: "info", event: "tokenReviewsAnswered" },
  ]);
});

Deno.test("TokenReview: while the API is away, nothing is accepted that it did not allow", async () => {
  const stage = new Stage();
  stage.users["other"] = { username: "other" };
  assertEquals(await stage.ask("Bearer good", "/metrics"), 200);
  stage.allowed = false;
  assertEquals(await stage.ask("Bearer other", "/metrics"), 403);
  assertEquals(await stage.ask("Bearer bad", "/metrics"), 401);
  stage.away = true;
  stage.nowMs = 400_000;
  assertEquals(await stage.ask("Bearer stranger", "/metrics"), 500);
  assertEquals(await stage.ask("Bearer other", "/metrics"), 500);
  assertEquals(await stage.ask("Bearer bad", "/metrics"), 500);
  assertEquals(await stage.ask("Bearer good", "/status"), 500, "another path");
  assertEquals(await stage.ask("Bearer good", "/metrics", "POST"), 500, "another verb");
  assertEquals(await stage.ask("Bearer good", "/metrics"), 200);
});

for (const no of ["token", "permission"] as const) {
  Deno.test(`TokenReview: a no to the ${no} is the last word when the API goes away after it`, async () => {
    const stage = new Stage();
    for (const path of ["/metrics", "/status"]) assertEquals(await stage.ask("Bearer good", path), 200);
    stage.nowMs = 400_000;
    if (no === "token") stage.users = {};
    else stage.allowed = false;
    assertEquals(await stage.ask("Bearer good", "/metrics"), no === "token" ? 401 : 403);
    stage.away = true;
    stage.nowMs = 800_000;
    assertEquals(await stage.ask("Bearer good", "/metrics"), 500);
    // Who is no user any more may nothing; who lost one permission may have the other.
    assertEquals(await stage.ask("Bearer good", "/status"), no === "token" ? 500 : 200);
  });
}

Deno.test("TokenReview: a revoked token is refused at the first request that the API answers again", async () => {
  const stage = new Stage();
  assertEquals(await stage.ask("Bearer good"), 200);
  stage.away = true;
  stage.nowMs = 400_000;
  assertEquals(await stage.ask("Bearer good"), 200);
  stage.users = {};
  stage.away = false;
  assertEquals(await stage.ask("Bearer good"), 401);
});

const jwt = (claims: unknown): string => `e30.${btoa(JSON.stringify(claims)).replaceAll("=", "")}.c2ln`;

Deno.test("TokenReview: no outage makes a token live longer than its own exp (RFC 7519 §4.1.4)", async () => {
  const stage = new Stage();
  const dies = stage.epochMs + 600_000;
  const short = jwt({ sub: "prometheus", exp: dies / 1000 });
  const long = jwt({ sub: "prometheus", exp: (dies + 10 * HOUR_MS) / 1000 });
  const odd = [jwt({ exp: "soon" }), jwt(null), "a.b.c", "..", jwt([])];
  for (const token of [short, long, ...odd]) {
    stage.users[token] = PROMETHEUS;
    assertEquals(await stage.ask(`Bearer ${token}`), 200);
  }
  stage.away = true;
  stage.nowMs = 599_999;
  assertEquals(await stage.ask(`Bearer ${short}`), 200);
  stage.nowMs = 600_000;
  assertEquals(await stage.ask(`Bearer ${short}`), 500);
  for (const token of [long, ...odd]) assertEquals(await stage.ask(`Bearer ${token}`), 200, token);
  stage.nowMs = HOUR_MS;
  for (const token of [long, ...odd]) assertEquals(await stage.ask(`Bearer ${token}`), 500, token);
});

Deno.test("TokenReview: an API that swallows the question is waited for only a moment; its late no counts", async () => {
  const stage = new Stage({ patienceMs: 20, openMax: 1 });
  assertEquals(await stage.ask("Bearer good"), 200);
  stage.nowMs = 400_000;
  const open = Promise.withResolvers<void>();
  stage.gate = open.promise;
  stage.users = {};
  assertEquals(await stage.ask("Bearer good"), 200);
  assertEquals(stage.events.map(({ event, error }) => [event, error]), [
    ["tokenReviewsUnanswered", "no answer within 20 ms"],
  ]);
  // All questions that may be open are: who was allowed still comes in, and nobody else.
  assertEquals([await stage.ask("Bearer good", "/status"), await stage.ask("Bearer stranger")], [503, 503]);
  assertEquals(await stage.ask("Bearer good"), 200);
  const asked = stage.asked.length;
  open.resolve();
  await stage.ask("Bearer good");
  assertEquals([await stage.ask("Bearer good"), stage.asked.length], [401, asked]);
});

Deno.test("TokenReview: a flood of bad tokens does not push out what was allowed", async () => {
  const stage = new Stage({ entriesMax: 3 });
  assertEquals(await stage.ask("Bearer good"), 200);
  for (const token of ["a", "b", "c", "d"]) assertEquals(await stage.ask(`Bearer ${token}`), 401);
  stage.away = true;
  assertEquals(await stage.ask("Bearer good"), 200);
});
