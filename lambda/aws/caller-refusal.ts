import { VendError } from '../errors.ts';
import { awsErrorName } from './aws-failure.ts';

const LOOK = 'See who they are with `aws sts get-caller-identity`.';
const UNKNOWN = `It does not know them: check the access key and the session token. ${LOOK}`;
const MISMATCH = 'The signature does not fit: check the secret access key, and the clock of this machine.';

/** What AWS says of what a request was signed with, by all the names that its services have for it. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  ['ExpiredToken', `Their session is over: log in again, or let them be renewed. ${LOOK}`],
  ['ExpiredTokenException', `Their session is over: log in again, or let them be renewed. ${LOOK}`],
  ['InvalidClientTokenId', UNKNOWN],
  ['UnrecognizedClientException', UNKNOWN],
  ['InvalidSignatureException', MISMATCH],
  ['SignatureDoesNotMatch', MISMATCH],
  ['RequestExpired', 'The signature is too old: check the clock of this machine.'],
  [
    'MissingAuthenticationTokenException',
    'The request reached it without a signature: check what is between here and AWS.',
  ],
  [
    'IncompleteSignatureException',
    'The signature did not reach it whole: check what is between here and AWS.',
  ],
]);

/** Not all of them need be the clock's doing. */
const CLOCK_REFUSALS: ReadonlySet<string> = new Set([
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'RequestExpired',
]);

/** Returns whether AWS may have refused a signature for its time, by the name of its error. */
export function isClockRefusal(name: string): boolean {
  return CLOCK_REFUSALS.has(name);
}

/** Returns the vendor's error for AWS's refusal of the caller's credentials, or `undefined` for any other name. */
export function callerRefusal(name: string): VendError | undefined {
  const fix = REFUSALS.get(name);
  return fix === undefined
    ? undefined
    : new VendError('credential_invalid', `AWS does not accept the caller’s credentials (${name}). ${fix}`, {
        cause: Object.assign(new Error(`AWS answered ${name}`), { name }),
      });
}

/** Returns whether an error is one that other credentials of the same caller's may help against. */
export function isCallerRefusal(error: unknown): boolean {
  return error instanceof VendError && REFUSALS.has(awsErrorName(error.cause));
}
