import { type Answer, accessTokenAnswer, identityAnswer } from './answer.ts';

/** A token that was just given, and until when, in milliseconds since the epoch. */
type Vended = { readonly token: string; readonly expiresAtMs: number };

type Fresh = Vended & {
  readonly storedAtMs: number;
  readonly untilMs: number;
  readonly answer: (expiresInSeconds: number) => Answer;
};

/** Answers that need neither the vendor nor a second look at the request. */
export type FreshTokens = {
  /** Returns the answer to the very same URL, if it can be given at once. */
  readonly get: (url: string) => Answer | undefined;
  /** Returns the answer that carries an access token, and keeps it for a while. */
  readonly accessToken: (url: string, vended: Vended) => Answer;
  /** Returns the answer that carries an ID token, and keeps it for a while. */
  readonly idToken: (url: string, vended: Vended) => Answer;
};

/** From here to its end a token is the token client's to renew. */
const RENEWAL_MS = 10 * 60_000;
/** How long the token client may be passed by; it decides when a token is to be another one. */
const KEPT_MS = 30_000;
const MAX_URLS = 256;
const MAX_URL_LENGTH = 1_024;

/**
 * Returns a memory of tokens by the URLs that they were asked for with, for a few seconds and for a few URLs: what the hundreds of
 * requests a second of a busy program are answered from.
 */
export function createFreshTokens(now: () => number): FreshTokens {
  const known = new Map<string, Fresh>();

  const keep = (url: string, vended: Vended, answer: Fresh['answer']): Answer => {
    const nowMs = now();
    const untilMs = Math.min(nowMs + KEPT_MS, vended.expiresAtMs - RENEWAL_MS);
    known.delete(url);
    if (nowMs < untilMs && url.length <= MAX_URL_LENGTH) {
      known.set(url, { ...vended, storedAtMs: nowMs, untilMs, answer });
    }
    if (known.size > MAX_URLS) {
      known.delete(known.keys().next().value ?? url);
    }
    return answer(secondsLeft(vended, nowMs));
  };

  return {
    get: (url) => {
      const fresh = known.get(url);
      const nowMs = now();
      // A clock that was put back would keep it too long.
      if (fresh === undefined || nowMs >= fresh.untilMs || nowMs < fresh.storedAtMs) {
        return undefined;
      }
      return fresh.answer(secondsLeft(fresh, nowMs));
    },
    accessToken: (url, vended) => keep(url, vended, (seconds) => accessTokenAnswer(vended.token, seconds)),
    idToken: (url, vended) => {
      const answer = identityAnswer(vended.token);
      return keep(url, vended, () => answer);
    },
  };
}

function secondsLeft({ expiresAtMs }: Vended, nowMs: number): number {
  return Math.floor((expiresAtMs - nowMs) / 1_000);
}
