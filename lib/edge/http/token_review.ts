/**
 * Lets a request pass when the Kubernetes API says that its bearer token may do this: TokenReview for who it is, then
 * SubjectAccessReview for whether they may use this verb on this path. As MetalLB guards `/metrics` (reference §9.4).
 *
 * Who a token is, is remembered for a minute, a yes for five, a no for thirty seconds, in bounded caches; a review that
 * failed is not remembered. Tokens are kept as hashes only. Equal questions that come at once are asked once, and only
 * so many may be open, because anybody who reaches the port can make us ask.
 *
 * While the API server does not answer, what it allowed before goes on being allowed (`allowed_tokens.ts`). It is asked
 * at every request all the same, so a no counts as soon as it can say one.
 */
import type { MiddlewareHandler } from "hono";
import { createHash } from "node:crypto";
import type { Log } from "../../base/log.ts";
import type { Clock } from "../../base/time.ts";
import { AllowedTokens } from "./allowed_tokens.ts";
import { TtlCache } from "./ttl_cache.ts";

/** Who the API says the bearer is, as both review kinds carry it. */
export interface ReviewedUser {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/**
 * The two questions to the API server. A rejected promise means that it could not be asked; with `ApiAway`, that the
 * fault is not in how it was asked.
 */
export interface Reviewer {
  /** TokenReview; undefined when the token is not valid. */
  authenticate(token: string): Promise<ReviewedUser | undefined>;
  /** SubjectAccessReview on a non-resource path. */
  authorize(question: { readonly user: ReviewedUser; readonly path: string; readonly verb: string }): Promise<boolean>;
}

/** The API server is not reached, does not answer in time, or answers that it cannot answer. */
export class ApiAway extends Error {}

export interface TokenReviewOptions {
  readonly tokenTtlMs?: number;
  readonly allowTtlMs?: number;
  readonly denyTtlMs?: number;
  /** Of each cache. */
  readonly entriesMax?: number;
  /** Questions open at one time. */
  readonly openMax?: number;
  /** After the last yes, how long a token is accepted while the API server is away. */
  readonly awayTtlMs?: number;
  /** How long such a token waits for the API server's word. */
  readonly patienceMs?: number;
}

export interface TokenReviewDeps {
  readonly reviewer: Reviewer;
  readonly clock: Clock;
  readonly log: Log;
}

/** Longer than any service account's token by far. */
const TOKEN_CHARACTERS_MAX = 16_384;
/** RFC 6750 §2.1: the scheme's name in any case, one space or more, then the characters of a b64token. */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

type Verdict = 200 | 401 | 403 | 500 | 503;
const WORDS: Readonly<Record<Exclude<Verdict, 200>, string>> = {
  401: "a valid bearer token is needed\n",
  403: "this token may not do that; bind it to a ClusterRole with nonResourceURLs for this path\n",
  500: "the Kubernetes API could not be asked about this token, and did not allow it within the last hour\n",
  503: "too many tokens are being reviewed; try again\n",
};

/** Hono middleware that answers 401, 403, 500 (the API could not be asked) or 503 (too many questions open). */
export function tokenReview(options: TokenReviewOptions, deps: TokenReviewDeps): MiddlewareHandler {
  const guard = new TokenGuard(options, deps);
  return async (context, next) => {
    const verdict = await guard.judge({
      authorization: context.req.header("authorization"),
      path: context.req.path,
      verb: context.req.method.toLowerCase(),
    });
    if (verdict === 200) return await next();
    if (verdict === 401) context.header("www-authenticate", "Bearer");
    if (verdict === 503) context.header("retry-after", "1");
    return context.text(WORDS[verdict], verdict);
  };
}

interface Question {
  readonly tokenHash: string;
  readonly path: string;
  readonly verb: string;
}

class TokenGuard {
  readonly #options: Required<TokenReviewOptions>;
  readonly #deps: TokenReviewDeps;
  readonly #users: TtlCache<ReviewedUser | null>;
  readonly #permissions: TtlCache<boolean>;
  readonly #allowed: AllowedTokens;
  readonly #open = new Map<string, Promise<Verdict | "away">>();
  /** The last question had no answer. */
  #apiIsAway = false;

  constructor(options: TokenReviewOptions, deps: TokenReviewDeps) {
    this.#options = {
      tokenTtlMs: 60_000,
      allowTtlMs: 300_000,
      denyTtlMs: 30_000,
      entriesMax: 256,
      openMax: 16,
      awayTtlMs: 3_600_000,
      patienceMs: 2_000,
      ...options,
    };
    this.#deps = deps;
    this.#users = new TtlCache(this.#options, deps);
    this.#permissions = new TtlCache(this.#options, deps);
    this.#allowed = new AllowedTokens({ ...this.#options, limitMs: this.#options.awayTtlMs }, deps);
  }

  async judge(request: { authorization: string | undefined; path: string; verb: string }): Promise<Verdict> {
    const { authorization = "", path, verb } = request;
    if (authorization.length > TOKEN_CHARACTERS_MAX) return 401;
    const token = authorization.match(BEARER)?.[1];
    if (token === undefined) return 401;
    const tokenHash = createHash("sha256").update(token).digest("base64");
    const question = { tokenHash, path, verb };
    const key = JSON.stringify([tokenHash, verb, path]);
    const known = this.#open.has(key) ? undefined : this.#fromCaches(question);
    if (known !== undefined) return known;
    const asked = this.#open.get(key) ?? this.#openQuestion(key, { token, question });
    if (asked === undefined) return this.#apiIsAway && this.#wasAllowed(question) ? 200 : 503;
    if (!this.#wasAllowed(question)) {
      const verdict = await asked;
      return verdict === "away" ? 500 : verdict;
    }
    const { patienceMs } = this.#options;
    const verdict = await within(patienceMs, asked);
    if (verdict !== undefined && verdict !== "away") return verdict;
    if (verdict === undefined) this.#setAway(true, `no answer within ${patienceMs} ms`);
    // Meanwhile it may have said no to another question about this token, or the token's time may be over.
    return this.#wasAllowed(question) ? 200 : 500;
  }

  #fromCaches({ tokenHash, path, verb }: Question): Verdict | undefined {
    const user = this.#users.get(tokenHash);
    if (user === null) return 401;
    if (user === undefined) return undefined;
    const allowed = this.#permissions.get(permissionKey({ user, path, verb }));
    return allowed === undefined ? undefined : allowed ? 200 : 403;
  }

  #wasAllowed({ tokenHash, path, verb }: Question): boolean {
    return this.#allowed.has(tokenHash, (user) => permissionKey({ user, path, verb }));
  }

  #openQuestion(key: string, { token, question }: { token: string; question: Question }) {
    if (this.#open.size >= this.#options.openMax) return undefined;
    const asked = this.#ask(token, question).finally(() => this.#open.delete(key));
    this.#open.set(key, asked);
    return asked;
  }

  async #ask(token: string, { tokenHash, path, verb }: Question): Promise<Verdict | "away"> {
    const { reviewer, log } = this.#deps;
    const { tokenTtlMs, allowTtlMs, denyTtlMs } = this.#options;
    try {
      let user = this.#users.get(tokenHash);
      if (user === undefined) {
        user = await reviewer.authenticate(token) ?? null;
        this.#users.set(tokenHash, { value: user, ttlMs: tokenTtlMs });
        this.#allowed.identified(tokenHash, { token, user });
      }
      if (user === null) {
        this.#setAway(false);
        return 401;
      }
      const permission = permissionKey({ user, path, verb });
      let allowed = this.#permissions.get(permission);
      if (allowed === undefined) {
        allowed = await reviewer.authorize({ user, path, verb });
        this.#permissions.set(permission, { value: allowed, ttlMs: allowed ? allowTtlMs : denyTtlMs });
        this.#allowed.reviewed(permission, { allowed });
      }
      this.#setAway(false);
      return allowed ? 200 : 403;
    } catch (thrown) {
      const error = String(thrown).replaceAll(token, "…");
      if (thrown instanceof ApiAway) {
        this.#setAway(true, error);
        return "away";
      }
      log({ level: "warn", event: "tokenReviewFailed", path, error });
      return 500;
    }
  }

  /** Told once for an outage, not for each of its requests. */
  #setAway(isAway: boolean, error?: string): void {
    if (isAway === this.#apiIsAway) return;
    this.#apiIsAway = isAway;
    const { log } = this.#deps;
    if (!isAway) return log({ level: "info", event: "tokenReviewsAnswered" });
    const acceptedForMinutes = this.#options.awayTtlMs / 60_000;
    log({ level: "warn", event: "tokenReviewsUnanswered", error: error ?? null, acceptedForMinutes });
  }
}

/** `undefined` after that time, whatever comes later. */
async function within<T>(limitMs: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), limitMs));
  return await Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

/** By user and not by token, as tokens of one service account change every hour. */
function permissionKey({ user, path, verb }: { user: ReviewedUser; path: string; verb: string }): string {
  return JSON.stringify([user.username, user.uid, user.groups, user.extra, verb, path]);
}
