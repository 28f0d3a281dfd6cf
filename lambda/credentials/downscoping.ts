import { textOf } from '../fields.ts';
import { accessTokenOf } from './token-answer.ts';
import type { SourceDependencies, TokenSource } from './token-source.ts';

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const NO_TOKEN = 'Google’s STS answered 200 without a downscoped access token.';

/** Where tokens are downscoped, and to what: the canonical JSON of the rules. */
export type Downscoping = { readonly tokenUrl: URL; readonly boundary: string };

/**
 * Returns the source whose access tokens are those of `source`, downscoped. They end when the token ends that they are
 * made from, which is never vended and serves one time.
 *
 * @see https://cloud.google.com/iam/docs/downscoping-short-lived-credentials
 */
export function createDownscoping(
  source: TokenSource,
  { tokenUrl, boundary }: Downscoping,
  { exchange, clock, connectAhead }: Pick<SourceDependencies, 'clock' | 'connectAhead' | 'exchange'>,
): TokenSource {
  const endpoint = { kind: 'sts', url: tokenUrl } as const;
  // While the token that is downscoped is on its way.
  connectAhead(tokenUrl);

  return async (grant, deadlineMs) => {
    const asked = await source(grant, deadlineMs);
    if (asked.outcome === 'refused') {
      return asked;
    }
    const form = {
      grant_type: TOKEN_EXCHANGE,
      requested_token_type: ACCESS_TOKEN,
      subject_token_type: ACCESS_TOKEN,
      subject_token: asked.token.value,
      options: encodeURIComponent(boundary),
    };
    const result = await exchange(endpoint, form, deadlineMs);
    if (result.outcome === 'refused') {
      return result;
    }
    const value = textOf(result.fields.access_token);
    if (value === undefined) {
      return { outcome: 'refused', refusal: { cause: 'other', explanation: NO_TOKEN } };
    }
    const ownEndMs = accessTokenOf(result.fields, clock.googleMs())?.expiresAtMs ?? Number.POSITIVE_INFINITY;
    const expiresAtMs = Math.min(asked.token.expiresAtMs, ownEndMs);
    return {
      outcome: 'granted',
      token: { ...asked.token, value, expiresAtMs },
      googleMs: asked.googleMs + result.googleMs,
    };
  };
}
