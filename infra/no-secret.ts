import { isFields } from '../lambda/fields.ts';
import { redact } from '../lambda/quote.ts';
import { UsageError } from './usage-error.ts';

/** What to do with a document that may not stand in a template. */
export const PUT_INTO_SECRET =
  'Put the document into a secret of Secrets Manager, and give that: without -c credential=FILE the stack makes one, and prints the command that fills it';

/** What Google's documents, and people, call a field that holds a secret. */
const SECRET_NAME = /(?:^|_)(?:private_key|(?:access|id|refresh|session)_token)$|secret|passw|passphrase/i;
/** CloudFormation would put the secret itself in the place of this. */
const DYNAMIC_REFERENCE = /\{\{resolve:(?:secretsmanager|ssm-secure):/;
/** A name that can be shown: whatever else stands where a name should may be the secret. */
const NAME = /^[\w.-]{1,40}$/;

function isSecret(text: string): boolean {
  return redact(text) !== text || DYNAMIC_REFERENCE.test(text);
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
    const isShown = NAME.test(name) && !isSecret(name);
    const place = SECRET_NAME.test(name) || isSecret(name) ? '' : secretPlace(member);
    if (place !== undefined) {
      return within(isShown ? name : '…', place);
    }
  }
  return undefined;
}

/**
 * Refuses a document that holds a secret, or what looks like one: whoever may read the template could read it.
 *
 * `holder` is how messages name the document (`file NAME`); no value of it is part of one.
 *
 * @throws {UsageError} with the place of the secret, and where it belongs
 */
export function refuseSecret(document: unknown, holder: string): void {
  const place = secretPlace(document);
  if (place !== undefined) {
    const where = place === '' ? '' : `, in its field ${place}`;
    throw new UsageError(
      `The ${holder} cannot be used: it holds a secret, or what looks like one${where}. ${PUT_INTO_SECRET}.`,
    );
  }
}
