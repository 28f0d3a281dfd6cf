import { isFields } from '../lambda/fields.ts';
import { redact } from '../lambda/quote.ts';
import { UsageError } from './usage-error.ts';

const PUT_INTO_SECRET = 'Put the document into a secret of Secrets Manager, and give that in its place.';

/** A document may not stand in a template; its message ends with where it belongs. */
export class NeedsSecretError extends UsageError {
  /** `why` is a sentence with its stop. */
  constructor(why: string) {
    super(`${why} ${PUT_INTO_SECRET}`);
    this.name = 'NeedsSecretError';
  }
}

/** What Google's documents, and people, call a field that holds a secret; in small letters, the words parted by `_`. */
const SECRET_NAME =
  /(?:^|_)(?:(?:access|api|private)?_?key(?:_?data)?|pwd|authorization|(?:access|api|auth|bearer|id|refresh|session)_?token)$|^token$|secret|passw|passphrase/;
/** What stands in a header that authorizes. */
const AUTHORIZATION = /^(?:basic|bearer)\s+\S/i;
/** CloudFormation would put the secret itself in the place of this. */
const DYNAMIC_REFERENCE = /\{\{resolve:(?:secretsmanager|ssm-secure):/;
/** A name that can be shown, and is too short for a key: whatever else stands where a name should may be the secret. */
const NAME = /^[\w.-]{1,39}$/;

function isSecret(text: string): boolean {
  return redact(text) !== text || AUTHORIZATION.test(text) || DYNAMIC_REFERENCE.test(text);
}

function isSecretName(name: string): boolean {
  const words = name.replaceAll(/([a-z\d])([A-Z])/g, '$1_$2').replaceAll(/[\s.-]/g, '_');
  return SECRET_NAME.test(words.toLowerCase()) || isSecret(name);
}

/** Returns a field's name as it may stand in a message: `…` for one that may itself be a secret. */
export function shownName(name: string): string {
  return NAME.test(name) && !isSecret(name) ? name : '…';
}

function within(name: string, place: string): string {
  return place === '' ? name : `${name}.${place}`;
}

/** Returns where a secret is, or what looks like one: `source_credentials.private_key`; the secret is no part of it. */
function secretPlace(value: unknown): string | undefined {
  if (typeof value === 'string') {
    return isSecret(value) ? '' : undefined;
  }
  if (!isFields(value) && !Array.isArray(value)) {
    return undefined;
  }
  for (const [name, member] of Object.entries(value)) {
    const place = isSecretName(name) ? '' : secretPlace(member);
    if (place !== undefined) {
      return within(shownName(name), place);
    }
  }
  return undefined;
}

/**
 * Refuses a document that holds a secret, or what looks like one: whoever may read the template could read it. It is the
 * second net, for what stands in a field that the function reads; `readFields` keeps all other fields out.
 *
 * `holder` is how messages name the document (`file NAME`); no value of it is part of one.
 *
 * @throws {NeedsSecretError} with the place of the secret, and where it belongs
 */
export function refuseSecret(document: unknown, holder: string): void {
  const place = secretPlace(document);
  if (place !== undefined) {
    const where = place === '' ? '' : `, in its field ${place}`;
    throw new NeedsSecretError(
      `The ${holder} cannot be used: it holds a secret, or what looks like one${where}.`,
    );
  }
}
