import type { Fields } from '../fields.ts';
import { MAX_SECONDS } from '../policy/lifetimes.ts';
import type { Token } from '../types.ts';
import { idTokenExpiresAtMs } from './assertion.ts';

/** A token as an endpoint answered it, before it is said whose it is. */
export type AnsweredToken = Omit<Token, 'principal'>;

/**
 * Returns the access token in an answer of a token endpoint, or `undefined` if it has none that can be used.
 * One that says it lives longer than Google gives is not believed.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.1
 */
export function accessTokenOf(fields: Fields, nowMs: number): AnsweredToken | undefined {
  const { access_token: value, expires_in: seconds } = fields;
  return typeof value === 'string' && value !== '' && typeof seconds === 'number' && seconds > 0
    ? { value, expiresAtMs: nowMs + Math.min(seconds, MAX_SECONDS) * 1000 }
    : undefined;
}

/** Returns an ID token that was answered, or `undefined` if `value` is none: how long it lives is in the token alone. */
export function idTokenOf(value: unknown): AnsweredToken | undefined {
  const expiresAtMs = typeof value === 'string' ? idTokenExpiresAtMs(value) : undefined;
  return typeof value === 'string' && expiresAtMs !== undefined ? { value, expiresAtMs } : undefined;
}

/**
 * Returns the access token that IAM Credentials generated, or `undefined` if there is none that can be used.
 *
 * @see https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
 */
export function generatedTokenOf(fields: Fields, nowMs: number): AnsweredToken | undefined {
  const { accessToken: value, expireTime } = fields;
  const expiresAtMs = typeof expireTime === 'string' ? Date.parse(expireTime) : Number.NaN;
  return typeof value === 'string' && value !== '' && expiresAtMs > nowMs
    ? { value, expiresAtMs: Math.min(expiresAtMs, nowMs + MAX_SECONDS * 1000) }
    : undefined;
}
