import { quote } from './quote.ts';

/** What lies behind a refusal, as far as the vendor can do something about it by itself. */
export type RefusalCause = 'outdated_credential' | 'clock' | 'other';

/** A no from Google's token endpoint: what it means for the vendor, and what to tell a person. */
export type Refusal = { readonly cause: RefusalCause; readonly explanation: string };

/** An answer of the token endpoint that is not a token, as far as it could be read. */
export type RefusalAnswer = {
  readonly status: number;
  readonly error: string | undefined;
  readonly description: string | undefined;
};

type KnownRefusal = {
  readonly error: string;
  /** Google gives several causes the same `error`, so its description has to tell them apart. */
  readonly description: RegExp;
  readonly cause: RefusalCause;
  readonly meaning: string;
};

const KNOWN: readonly KnownRefusal[] = [
  {
    error: 'invalid_grant',
    description: /signature/i,
    cause: 'outdated_credential',
    meaning:
      'the key was deleted or replaced at Google, or the secret holds the key of another account. List the keys with `gcloud iam service-accounts keys list --iam-account EMAIL`, and put a live one into the secret.',
  },
  {
    error: 'invalid_grant',
    description: /account not found/i,
    cause: 'outdated_credential',
    meaning:
      'the service account in the secret does not exist any more. Undelete it, or put the key of another one into the secret.',
  },
  {
    error: 'invalid_grant',
    description: /short-lived|timeframe/i,
    cause: 'clock',
    meaning: 'the clock of the function differs from Google’s by more than Google accepts.',
  },
  {
    error: 'invalid_grant',
    description: /audience/i,
    cause: 'other',
    meaning:
      'the field token_uri of the key file is not the endpoint that it was sent to. Download the key file again.',
  },
  {
    error: 'invalid_grant',
    description: /expired or revoked/i,
    cause: 'outdated_credential',
    meaning:
      'the refresh token was revoked, or has expired. Log in again with `gcloud auth application-default login`, and put the new file into the secret.',
  },
  {
    error: 'invalid_grant',
    description: /disabled/i,
    cause: 'other',
    meaning: 'the service account is disabled. Enable it with `gcloud iam service-accounts enable EMAIL`.',
  },
  {
    error: 'invalid_client',
    description: /(?:)/,
    cause: 'outdated_credential',
    meaning:
      'the OAuth client of the credential does not exist any more. Log in again, and put the new file into the secret.',
  },
  {
    error: 'PERMISSION_DENIED',
    description: /has not been used|is disabled/i,
    cause: 'other',
    meaning: 'the API is not enabled. Enable it with `gcloud services enable iamcredentials.googleapis.com`.',
  },
  {
    error: 'PERMISSION_DENIED',
    description: /(?:)/,
    cause: 'other',
    meaning:
      'the credential may not impersonate the service account, or one of the delegates may not. Allow it with `gcloud iam service-accounts add-iam-policy-binding TARGET --member=serviceAccount:SOURCE --role=roles/iam.serviceAccountTokenCreator`, for each link of the chain.',
  },
  {
    error: 'NOT_FOUND',
    description: /(?:)/,
    cause: 'other',
    meaning: 'the service account to impersonate does not exist. Correct its e-mail address.',
  },
  {
    error: 'UNAUTHENTICATED',
    description: /(?:)/,
    cause: 'other',
    meaning: 'Google does not accept the token of the source credential any more.',
  },
  {
    error: 'invalid_scope',
    description: /(?:)/,
    cause: 'other',
    meaning: 'a scope or the audience is none that Google knows. Correct the profile.',
  },
  {
    error: 'unauthorized_client',
    description: /(?:)/,
    cause: 'other',
    meaning:
      'domain-wide delegation is not authorized for this account and these scopes. Authorize its client id in the Admin console, under Security, API controls.',
  },
];

function explainStatus(status: number): string {
  if (status >= 300 && status < 400) {
    return ': a redirect, which the vendor does not follow. Check the field token_uri of the key file.';
  }
  return status === 404 || status === 405
    ? ': there is no token endpoint. Check the field token_uri of the key file.'
    : '.';
}

/** Returns what a refusal of Google's means here, with Google's own words in it. */
export function explainRefusal({ status, error, description }: RefusalAnswer): Refusal {
  const known = KNOWN.find(
    (candidate) => candidate.error === error && candidate.description.test(description ?? ''),
  );
  const words = [error, description].filter((word) => word !== undefined).map(quote);
  const said = `Google answered ${status}${words.length > 0 ? ` ${words.join(': ')}` : ''}`;
  return known === undefined
    ? { cause: 'other', explanation: `${said}${explainStatus(status)}` }
    : { cause: known.cause, explanation: `${said}: ${known.meaning}` };
}
