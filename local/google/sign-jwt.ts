import { CompactSign } from 'jose';
import { IamRefusal } from './iam-refusal.ts';
import { type JsonObject, parseJsonObject } from './json-object.ts';
import type { RsaKey } from './rsa-key.ts';

const MAX_AHEAD_SECONDS = 43_200;

function refusePayload(why: string): never {
  throw new IamRefusal({ kind: 'argument', message: `Invalid value at "payload": ${why}` });
}

/**
 * Returns what the field `payload` wants signed, letter by letter: the JSON of an object of claims, whose `exp`, if there
 * is one, is neither past nor more than twelve hours ahead.
 *
 * @throws {IamRefusal} `argument`
 * @see https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signJwt
 */
export function readJwtPayload({ payload }: JsonObject, nowSeconds: number): string {
  const text = typeof payload === 'string' ? payload : refusePayload('a string is expected');
  const claims = parseJsonObject(text) ?? refusePayload('it must be a serialized JSON object of claims');
  const { iat, exp } = claims;
  if ([iat, exp].some((seconds) => seconds !== undefined && !Number.isInteger(seconds))) {
    return refusePayload('the claims iat and exp must be integers, in seconds');
  }
  const aheadSeconds = Number(exp ?? nowSeconds) - nowSeconds;
  if (aheadSeconds < 0 || aheadSeconds > MAX_AHEAD_SECONDS) {
    return refusePayload('the claim exp must be neither in the past nor more than 12 hours in the future');
  }
  return text;
}

/** Returns the JWT of a payload, signed with RS256. */
export function signPayload(payload: string, { keyId, privateKey }: RsaKey): Promise<string> {
  return new CompactSign(new TextEncoder().encode(payload))
    .setProtectedHeader({ alg: 'RS256', kid: keyId, typ: 'JWT' })
    .sign(privateKey);
}
