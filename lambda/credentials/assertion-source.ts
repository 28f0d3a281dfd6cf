import type { Fields } from '../fields.ts';
import type { Clock } from '../google/clock.ts';
import type { Endpoint, Exchange } from '../google/exchange.ts';
import type { Signer } from '../google/google-refusal.ts';
import { isUnusual, USUAL_SECONDS } from '../policy/lifetimes.ts';
import type { AccessTokenGrant, Grant } from '../types.ts';
import type { SignAssertion } from './assertion.ts';
import { type AnsweredToken, accessTokenOf, idTokenOf } from './token-answer.ts';
import type { SourceResult, TokenSource } from './token-source.ts';

/** A service account that can have claims signed, wherever its key is. */
export type AssertionParty = {
  readonly clientEmail: string;
  /** Where assertions are exchanged, which is also what they are made out to. */
  readonly tokenUri: string;
  readonly sign: SignAssertion;
  /** Who signs, if it is not a key file's key or Google itself. */
  readonly signer?: Signer;
};

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** An assertion "from the future" is refused, and a clock that is a little fast is no reason to fail. */
const BACKDATE_SECONDS = 10;

function claimsFor(grant: Grant): Readonly<Record<string, string>> {
  if (grant.kind === 'id_token') {
    return { target_audience: grant.audience };
  }
  const { scopes: scope, subject } = grant;
  return subject === undefined ? { scope } : { scope, sub: subject };
}

/** For scopes that it does not recognise or that do not go together, Google answers 200 with the wrong token. */
function withoutToken(grant: Grant): SourceResult {
  const explanation =
    grant.kind === 'access_token'
      ? 'Google answered 200 without an access token: a scope is none that Google knows, or the scopes do not go together (openid, email or profile among others). Correct the profile’s scopes.'
      : 'Google answered 200 without an ID token for the audience.';
  return { outcome: 'refused', refusal: { cause: 'other', explanation } };
}

function readToken(grant: Grant, fields: Fields, nowMs: number): AnsweredToken | undefined {
  return grant.kind === 'access_token' ? accessTokenOf(fields, nowMs) : idTokenOf(fields.id_token);
}

/**
 * Returns the source for a service account that signs: what it signs is exchanged for a token of Google's, or, for a
 * self-signed grant, is the token itself.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7523#section-2.1
 * @see https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 */
export function createAssertionSource(
  party: AssertionParty,
  { exchange, clock }: { readonly exchange: Exchange; readonly clock: Clock },
): TokenSource {
  const { clientEmail, tokenUri, sign } = party;
  const endpoint: Endpoint = {
    kind: 'token',
    url: new URL(tokenUri),
    ...(party.signer !== undefined && { signer: party.signer }),
  };

  const times = (seconds: number) => {
    const iat = Math.floor(clock.googleMs() / 1000) - BACKDATE_SECONDS;
    return { iat, exp: iat + seconds };
  };

  /** @see https://google.aip.dev/auth/4111 */
  const selfSign = async (grant: AccessTokenGrant, deadlineMs: number): Promise<SourceResult> => {
    const { iat, exp } = times(grant.lifetimeSeconds ?? USUAL_SECONDS);
    const claims = { iss: clientEmail, sub: clientEmail, scope: grant.scopes, iat, exp };
    const signed = await sign(claims, deadlineMs);
    return signed.outcome === 'refused'
      ? signed
      : {
          outcome: 'granted',
          token: { value: signed.jwt, expiresAtMs: exp * 1000, principal: clientEmail },
          googleMs: signed.googleMs,
        };
  };

  const redeem = async (grant: Grant, deadlineMs: number): Promise<SourceResult> => {
    const claims = { iss: clientEmail, aud: tokenUri, ...times(USUAL_SECONDS), ...claimsFor(grant) };
    const signed = await sign(claims, deadlineMs);
    if (signed.outcome === 'refused') {
      return signed;
    }
    const form = { grant_type: GRANT_TYPE, assertion: signed.jwt };
    const result = await exchange(endpoint, form, deadlineMs);
    if (result.outcome === 'refused') {
      return result;
    }
    const token = readToken(grant, result.fields, clock.googleMs());
    const googleMs = signed.googleMs + result.googleMs;
    return token === undefined
      ? withoutToken(grant)
      : { outcome: 'granted', token: { ...token, principal: clientEmail }, googleMs };
  };

  return async (grant, deadlineMs) => {
    if (grant.kind === 'access_token' && grant.selfSigned) {
      return await selfSign(grant, deadlineMs);
    }
    if (grant.kind === 'access_token' && isUnusual(grant)) {
      const { refuseLifetime } = await import('./token-limits.ts');
      throw refuseLifetime(grant);
    }
    return await redeem(grant, deadlineMs);
  };
}
