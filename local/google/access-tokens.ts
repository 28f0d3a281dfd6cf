import { randomBytes } from 'node:crypto';
import type { BoundaryRule } from './access-boundary.ts';
import type { Principal } from './principal.ts';

const MAX_TOKENS = 10_000;

/** What Google's tokens begin with, by the kind of their holder. */
const PREFIXES = { serviceAccount: 'ya29.c.', user: 'ya29.a0', federated: 'ya29.d.' } as const;

/** What the stand-in remembers of an access token it issued. */
export type AccessTokenRecord = {
  readonly principal: Principal;
  readonly scopes: readonly string[];
  /** What a downscoped token is limited to. */
  readonly boundary?: readonly BoundaryRule[];
  readonly expiresAtMs: number;
};

export type AccessTokens = {
  /** Returns a new opaque token, which lives for `seconds` or, if that is not given, for `lifetimeSeconds`. */
  readonly issue: (holder: Omit<AccessTokenRecord, 'expiresAtMs'>, seconds?: number) => string;
  /** Returns what stands behind a token that is good now and is not downscoped. */
  readonly find: (token: string) => AccessTokenRecord | undefined;
  /** The same, for a service that heeds the `boundary` of downscoped tokens: only Cloud Storage does. */
  readonly findBounded: (token: string) => AccessTokenRecord | undefined;
  /** How long each one lives, in seconds, unless told otherwise. */
  readonly lifetimeSeconds: number;
};

/** Returns an empty store of access tokens; past ten thousand the oldest is forgotten. */
export function createAccessTokens(options: {
  readonly now: () => number;
  readonly lifetimeSeconds: number;
}): AccessTokens {
  const { now, lifetimeSeconds } = options;
  const records = new Map<string, AccessTokenRecord>();

  const forgetOldest = () => {
    for (const oldest of records.keys()) {
      records.delete(oldest);
      return;
    }
  };

  const findLiving = (token: string) => {
    const record = records.get(token);
    return record !== undefined && record.expiresAtMs > now() ? record : undefined;
  };

  return {
    lifetimeSeconds,
    issue: (holder, seconds = lifetimeSeconds) => {
      if (records.size >= MAX_TOKENS) {
        forgetOldest();
      }
      const token = PREFIXES[holder.principal.kind] + randomBytes(150).toString('base64url');
      records.set(token, { ...holder, expiresAtMs: now() + seconds * 1000 });
      return token;
    },
    find: (token) => {
      const record = findLiving(token);
      return record?.boundary === undefined ? record : undefined;
    },
    findBounded: findLiving,
  };
}
