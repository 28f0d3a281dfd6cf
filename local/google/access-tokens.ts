import { randomBytes } from 'node:crypto';

const MAX_TOKENS = 10_000;

/** What the stand-in remembers of an access token it issued. */
export type AccessTokenRecord = {
  readonly email: string;
  readonly uniqueId: string;
  readonly scopes: readonly string[];
  readonly expiresAtMs: number;
};

export type AccessTokens = {
  /** Returns a new opaque token. */
  readonly issue: (holder: Omit<AccessTokenRecord, 'expiresAtMs'>) => string;
  /** Returns what stands behind a token that is good now. */
  readonly find: (token: string) => AccessTokenRecord | undefined;
  /** How long each one lives, in seconds. */
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

  return {
    lifetimeSeconds,
    issue: (holder) => {
      if (records.size >= MAX_TOKENS) {
        forgetOldest();
      }
      const token = `ya29.c.${randomBytes(150).toString('base64url')}`;
      records.set(token, { ...holder, expiresAtMs: now() + lifetimeSeconds * 1000 });
      return token;
    },
    find: (token) => {
      const record = records.get(token);
      return record !== undefined && record.expiresAtMs > now() ? record : undefined;
    },
  };
}
