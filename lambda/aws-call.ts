import { VendError } from './errors.ts';
import { fieldsOf, textOf } from './fields.ts';

const CONNECTION_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 2_000;

/** How the SDK's clients are held to their time: what is worth it is tried three times. */
export const AWS_CLIENT_LIMITS = {
  maxAttempts: 3,
  retryMode: 'standard',
  requestHandler: {
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    throwOnRequestTimeout: true,
  },
} as const;

/** For a call and its repetitions together. */
export const AWS_TIMEOUT_MS = 6_000;

/** The code of a network error (`ENOTFOUND`) says more than its name, which is that of every error. */
export function awsErrorName(error: unknown): string {
  const name = error instanceof Error ? error.name : 'Error';
  const kind = name === 'Error' ? (textOf(fieldsOf(error).code) ?? name) : name;
  // An answer can name an error as it likes.
  return /^\w{1,64}$/.test(kind) ? kind : 'Error';
}

/** How the failure of a call is told: `subject` begins each sentence. */
export type AwsFailure = {
  readonly subject: string;
  /** What is wrong if another try may help. */
  readonly unavailable: string;
  /** What no second try will change, by the name of AWS's error, with what a person does about it. */
  readonly final: ReadonlyMap<string, string>;
};

/** Returns the vendor's error for one of the SDK's, which can hold a whole response, and so a secret: only its name goes further. */
export function translateAwsError(error: unknown, { subject, unavailable, final }: AwsFailure): VendError {
  const name = awsErrorName(error);
  const fix = final.get(name);
  return fix === undefined
    ? new VendError('credential_unavailable', `${subject} ${unavailable} now (${name}). Try again later.`)
    : new VendError('credential_invalid', `${subject} ${fix} (${name}).`);
}
