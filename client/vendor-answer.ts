import { VendError } from '../lambda/errors.ts';
import { fieldsOf, textOf } from '../lambda/fields.ts';
import type { Grant, Token } from '../lambda/types.ts';

/** A token, and the scopes that the vendor says it has. */
export type AnsweredToken = { readonly token: Token; readonly scopes: readonly string[] };

/** What may stand in an `Authorization` header, and nothing else. */
const TOKEN = /^[\x21-\x7e]+$/;

/** Longer than any token of Google's lives, and short enough to be a time. */
const MAX_SECONDS = 86_400;

function strange(what: string): VendError {
  return new VendError('server_error', `The vendor's answer ${what}. Is it the token vendor that was asked?`);
}

/**
 * Returns the token of an answer. It lives from the time at which it was asked for, by this machine's clock, so that a wrong
 * clock does not make it seem to live longer.
 *
 * @throws {VendError} `server_error` for an answer that is not the one to this request
 */
export function readAnswer(grant: Grant, answer: unknown, askedAtMs: number): AnsweredToken {
  const fields = fieldsOf(answer);
  const value = textOf(grant.kind === 'access_token' ? fields.access_token : fields.id_token);
  const principal = textOf(fields.principal);
  const { expires_in: seconds } = fields;
  if (value === undefined || !TOKEN.test(value)) {
    throw strange(`has no ${grant.kind}`);
  }
  if (typeof seconds !== 'number' || !(seconds > 0 && seconds <= MAX_SECONDS)) {
    throw strange('does not say for how long the token is good (expires_in)');
  }
  if (grant.kind === 'id_token' && fields.audience !== grant.audience) {
    throw strange('is for another audience');
  }
  const token = {
    value,
    expiresAtMs: askedAtMs + seconds * 1_000,
    ...(principal !== undefined && { principal }),
  };
  return { token, scopes: (textOf(fields.scope) ?? '').split(' ').filter((scope) => scope !== '') };
}
