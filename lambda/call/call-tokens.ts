import { createCache } from '../cache.ts';
import type { Clock } from '../google/clock.ts';
import type { Grant, Minter, Token, Vended } from '../types.ts';

/** The tokens that calls are made with. */
export type CallTokens = {
  readonly get: Minter;
  /** Returns a token that is not `refused`, past the cache; `undefined` if the vendor has no other. */
  readonly renew: (grant: Grant, refused: Token, deadlineMs: number) => Promise<Vended | undefined>;
};

export type CallTokensDependencies = {
  readonly mint: Minter;
  readonly clock: Clock;
  readonly onRefreshFailed?: (grant: Grant, error: unknown) => void;
};

/**
 * Returns the tokens of `mint`, kept while they are good. A service may refuse one before its time, as this container knows
 * it: then the vendor is asked whether it has a newer one, and if so what is kept here is forgotten.
 */
export function createCallTokens({ mint, ...dependencies }: CallTokensDependencies): CallTokens {
  let cache = createCache(mint, dependencies);

  return {
    get: (grant, deadlineMs) => cache(grant, deadlineMs),
    renew: async (grant, refused, deadlineMs) => {
      const vended = await mint(grant, deadlineMs);
      if (vended.token.value === refused.value) {
        return undefined;
      }
      cache = createCache(mint, dependencies);
      return vended;
    },
  };
}
