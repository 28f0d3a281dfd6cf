import { decodeJwt, importPKCS8, SignJWT } from 'jose';
import type { Refusal } from '../google/google-refusal.ts';

/** @see https://www.rfc-editor.org/rfc/rfc7518#section-3.3 */
const MIN_MODULUS_BITS = 2048;

/** The last second that a `Date` can hold. */
const MAX_SECONDS = 8_640_000_000_000;

/** What a JWT says. */
export type Claims = Readonly<Record<string, string | number>>;

/** Signs claims as a JWT with one key. */
export type SignClaims = (claims: Claims) => Promise<string>;

/** Has claims signed, here or by a service that may refuse; `googleMs` is how long Google took over it. */
export type SignAssertion = (
  claims: Claims,
  deadlineMs: number,
) => Promise<
  | { readonly outcome: 'signed'; readonly jwt: string; readonly googleMs: number }
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
>;

/**
 * Returns a signer for the private key in `pem` (PKCS #8), which is named by `keyId` in the header of each JWT.
 *
 * @throws {Error} if `pem` holds no RSA key that can sign RS256
 * @see https://www.rfc-editor.org/rfc/rfc7523#section-3
 * @see https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests
 */
export async function createSigner(pem: string, keyId: string): Promise<SignClaims> {
  const key = await importPKCS8(pem, 'RS256');
  // Otherwise it would be found out only when something is to be signed.
  if (Number((key.algorithm as { modulusLength?: unknown }).modulusLength) < MIN_MODULUS_BITS) {
    throw new Error(`the key is shorter than ${MIN_MODULUS_BITS} bits`);
  }
  return (claims) =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: keyId }).sign(key);
}

/**
 * Returns the end of an ID token's life, in milliseconds since the epoch, or `undefined` if `idToken` is no JWT with
 * an `exp`. The signature is not looked at: the token has just come from Google itself.
 *
 * @see https://openid.net/specs/openid-connect-core-1_0.html#IDToken
 */
export function idTokenExpiresAtMs(idToken: string): number | undefined {
  try {
    const exp: unknown = decodeJwt(idToken).exp;
    return typeof exp === 'number' && exp > 0 && exp <= MAX_SECONDS ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
