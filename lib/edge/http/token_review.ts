/**
 * Lets a request pass when the Kubernetes API says that its bearer token may do this: TokenReview for who it is, then
 * SubjectAccessReview for whether they may use this verb on this path. As MetalLB guards `/metrics` (reference §9.4).
 *
 * Who a token is, is remembered for a minute, a yes for five, a no for thirty seconds, in bounded caches; a review that
 * failed is not remembered. Tokens are kept as hashes only. Equal questions that come at once are asked once, and only
 * so many may be open, because anybody who reaches the port can make us ask.
 */
import type { MiddlewareHandler } from "hono";
import { createHash } from "node:crypto";
import type { Log } from "../../base/log.ts";
import type { Clock } from "../../base/time.ts";
import { TtlCache } from "./ttl_cache.ts";

/** Who the API says the bearer is, as both review kinds carry it. */
export interface ReviewedUser {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The two questions to the API server. A rejected promise means that it could not be asked. */
export interface Reviewer {
  /** TokenReview; undefined when the token is not valid. */
  authenticate(token: string): Promise<ReviewedUser | undefined>;
  /** SubjectAccessReview on a non-resource path. */
  authorize(question: { readonly user: ReviewedUser; readonly path: string; readonly verb: string }): Promise<boolean>;
}

export interface TokenReviewOptions {
  readonly tokenTtlMs?: number;
  readonly allowTtlMs?: number;
  readonly denyTtlMs?: number;
  /** Of each cache. */
  readonly entriesMax?: number;
  /** Questions open at one time. */
  readonly openMax?: number;
}

export interface TokenReviewDeps {
  readonly reviewer: Reviewer;
  readonly clock: Pick<Clock, "now">;
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
  500: "the Kubernetes API could not be asked about this token\n",
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

class TokenGuard {
  readonly #options: Required<TokenReviewOptions>;
  readonly #deps: TokenReviewDeps;
  readonly #users: TtlCache<ReviewedUser | null>;
  readonly #permissions: TtlCache<boolean>;
  readonly #open = new Map<string, Promise<Verdict>>();

  constructor(options: TokenReviewOptions, deps: TokenReviewDeps) {
    this.#options = {
      tokenTtlMs: 60_000,
      allowTtlMs: 300_000,
      denyTtlMs: 30_000,
      entriesMax: 256,
      openMax: 16,
      ...options,
    };
    this.#deps = deps;
    this.#users = new TtlCache(this.#options, deps);
    this.#permissions = new TtlCache(this.#options, deps);
  }

  async judge(request: { authorization: string | undefined; path: string; verb: string }): Promise<Verdict> {
    const { authorization = "", path, verb } = request;
    if (authorization.length > TOKEN_CHARACTERS_MAX) return 401;
    const token = authorization.match(BEARER)?.[1];
    if (token === undefined) return 401;
    const tokenHash = createHash("sha256").update(token).digest("base64");
    const key = JSON.stringify([tokenHash, verb, path]);
    const asked = this.#open.get(key);
    if (asked !== undefined) return await asked;
    const known = this.#fromCaches(tokenHash, { path, verb });
    if (known !== undefined) return known;
    if (this.#open.size >= this.#options.openMax) return 503;
    const question = this.#ask(token, { tokenHash, path, verb });
    this.#open.set(key, question);
    try {
      return await question;
    } finally {
      this.#open.delete(key);
    }
  }

  #fromCaches(tokenHash: string, { path, verb }: { path: string; verb: string }): Verdict | undefined {
    const user = this.#users.get(tokenHash);
    if (user === null) return 401;
    if (user === undefined) return undefined;
    const allowed = this.#permissions.get(permissionKey({ user, path, verb }));
    return allowed === undefined ? undefined : allowed ? 200 : 403;
  }

  async #ask(
    token: string,
    { tokenHash, path, verb }: { tokenHash: string; path: string; verb: string },
  ): Promise<Verdict> {
    const { reviewer, log } = this.#deps;
    const { tokenTtlMs, allowTtlMs, denyTtlMs } = this.#options;
    try {
      let user = this.#users.get(tokenHash);
      if (user === undefined) {
        user = await reviewer.authenticate(token) ?? null;
        this.#users.set(tokenHash, { value: user, ttlMs: tokenTtlMs });
      }
      if (user === null) return 401;
      const key = permissionKey({ user, path, verb });
      let allowed = this.#permissions.get(key);
      if (allowed === undefined) {
        allowed = await reviewer.authorize({ user, path, verb });
        this.#permissions.set(key, { value: allowed, ttlMs: allowed ? allowTtlMs : denyTtlMs });
      }
      return allowed ? 200 : 403;
    } catch (error) {
      log({ level: "warn", event: "tokenReviewFailed", path, error: String(error).replaceAll(token, "…") });
      return 500;
    }
  }
}

/** By user and not by token, as tokens of one service account change every hour. */
function permissionKey({ user, path, verb }: { user: ReviewedUser; path: string; verb: string }): string {
  return JSON.stringify([user.username, user.uid, user.groups, user.extra, verb, path]);
}
