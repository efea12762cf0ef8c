/**
 * Whom the API server allowed what, for the time when it does not answer: that is when people look at `/status`.
 *
 * Kept from a review that said yes until one says no, until the token's own `exp` (RFC 7519 §4.1.4), and for an hour at
 * most. Only what was allowed is kept, so that nobody without a good token can push others out. Tokens are known by
 * their hash; whether one is genuine was the API server's to say, so `exp` is read without a look at the signature.
 */
import { Buffer } from "node:buffer";
import { isRecord } from "../../base/json.ts";
import type { Clock } from "../../base/time.ts";
import type { ReviewedUser } from "./token_review.ts";
import { TtlCache } from "./ttl_cache.ts";

export interface AllowedTokensOptions {
  /** Of each cache. */
  readonly entriesMax: number;
  readonly limitMs: number;
}

interface KnownToken {
  readonly user: ReviewedUser;
  /** Wall clock; `undefined` where the token does not say. */
  readonly expiresAtMs: number | undefined;
}

export class AllowedTokens {
  readonly #limitMs: number;
  readonly #clock: Clock;
  readonly #tokens: TtlCache<KnownToken>;
  readonly #permissions: TtlCache<true>;

  constructor(options: AllowedTokensOptions, deps: { readonly clock: Clock }) {
    this.#limitMs = options.limitMs;
    this.#clock = deps.clock;
    this.#tokens = new TtlCache(options, deps);
    this.#permissions = new TtlCache(options, deps);
  }

  /** What a TokenReview said of a token; no user: it is not valid. */
  identified(tokenHash: string, { token, user }: { token: string; user: ReviewedUser | null }): void {
    if (user === null) return this.#tokens.delete(tokenHash);
    this.#tokens.set(tokenHash, { value: { user, expiresAtMs: expiryOf(token) }, ttlMs: this.#limitMs });
  }

  /** What an access review said of a user's permission. */
  reviewed(permission: string, { allowed }: { allowed: boolean }): void {
    if (allowed) this.#permissions.set(permission, { value: true, ttlMs: this.#limitMs });
    else this.#permissions.delete(permission);
  }

  /** Whether the last reviews said yes to all of it. */
  has(tokenHash: string, permissionOf: (user: ReviewedUser) => string): boolean {
    const known = this.#tokens.get(tokenHash);
    if (known === undefined) return false;
    if (known.expiresAtMs !== undefined && this.#clock.wallMs() >= known.expiresAtMs) return false;
    return this.#permissions.get(permissionOf(known.user)) === true;
  }
}

/** `exp` of a JSON Web Token; `undefined` of any other token. */
function expiryOf(token: string): number | undefined {
  const [, payload, signature] = token.split(".");
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const exp = isRecord(claims) ? claims["exp"] : undefined;
    return typeof exp === "number" ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
