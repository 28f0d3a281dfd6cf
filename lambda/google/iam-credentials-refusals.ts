import { DISABLED_API_REFUSALS, ORGANIZATION_REFUSALS } from './google-api-refusals.ts';
import type { KnownRefusal } from './google-refusal.ts';

const BIND = 'gcloud iam service-accounts add-iam-policy-binding TARGET';
const FEDERATED =
  '--member="principal://iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/subject/SUBJECT"';
/** Without the project, Google does not say of an account that is not there that it is not. */
const ELSE =
  'A new binding takes a minute or two. If it is there, check that TARGET exists, and the order of the delegates: the credential’s nearest first.';

function bindTokenCreator(member = '--member=serviceAccount:SOURCE'): string {
  return `\`${BIND} ${member} --role=roles/iam.serviceAccountTokenCreator\``;
}

/** Which permission it is decides which roles have it: roles/iam.workloadIdentityUser can neither sign nor delegate. */
const OF_PERMISSIONS: readonly KnownRefusal[] = [
  {
    error: 'PERMISSION_DENIED',
    says: /insufficient authentication scopes/i,
    cause: 'outdated_login',
    meaning:
      'the login of the source credential does not reach IAM: it needs the scope https://www.googleapis.com/auth/cloud-platform. Log in again with `gcloud auth application-default login`, and put the new file into the secret.',
  },
  {
    error: 'PERMISSION_DENIED',
    says: /getOpenIdToken/,
    meaning: `the credential may not have ID tokens of the service account. Allow it with \`${BIND} --member=serviceAccount:SOURCE --role=roles/iam.serviceAccountOpenIdTokenCreator\`, or to a federated identity with \`${FEDERATED} --role=roles/iam.workloadIdentityUser\`. ${ELSE}`,
  },
  {
    error: 'PERMISSION_DENIED',
    says: /signJwt|signBlob/,
    meaning: `the credential may not sign for the service account, which acting for a user and self-signed tokens need. Allow it with ${bindTokenCreator()}, to a federated identity by \`${FEDERATED}\`; roles/iam.workloadIdentityUser is not enough. ${ELSE}`,
  },
  {
    error: 'PERMISSION_DENIED',
    says: /implicitDelegation/,
    meaning: `a link of the chain is missing: the credential, and each of the delegates, needs a role on the next. Allow it with ${bindTokenCreator()}; roles/iam.workloadIdentityUser is not enough. ${ELSE}`,
  },
  {
    error: 'PERMISSION_DENIED',
    meaning: `the credential may not impersonate the service account, or one of the delegates may not. Allow it with ${bindTokenCreator()}, for each link of the chain, or to a federated identity with \`${FEDERATED} --role=roles/iam.workloadIdentityUser\`. ${ELSE}`,
  },
];

const OF_ARGUMENTS: readonly KnownRefusal[] = [
  {
    error: 'INVALID_ARGUMENT',
    says: /lifetime/i,
    meaning:
      'Google gives the service account’s tokens an hour at the most. Ask for less, or list the account in the organization policy: `gcloud resource-manager org-policies allow constraints/iam.allowServiceAccountCredentialLifetimeExtension TARGET --organization=ORGANIZATION`, for up to 12 hours.',
  },
  {
    error: 'INVALID_ARGUMENT',
    says: /delegate/i,
    meaning:
      'a delegate of the credential is no service account. Correct the field delegates: each entry is projects/-/serviceAccounts/EMAIL.',
  },
  {
    error: 'INVALID_ARGUMENT',
    says: /scope/i,
    meaning: 'a scope is none that Google knows. Correct the profile’s scopes.',
  },
  {
    error: 'INVALID_ARGUMENT',
    says: /audience/i,
    meaning: 'the audience is none that Google takes. Correct the profile’s audiences.',
  },
  {
    error: 'INVALID_ARGUMENT',
    says: /\bexp\b|payload|claim/i,
    cause: 'clock',
    meaning:
      'Google signs claims that end within the next 12 hours: the clock of the function may differ from Google’s.',
  },
  {
    error: 'INVALID_ARGUMENT',
    meaning:
      'Google does not say which argument it means. A scope that it does not know is the usual one: check the profile; then the field delegates of the credential.',
  },
];

/**
 * What IAM Credentials refuses. `error` is the canonical code, the description Google's message.
 *
 * @see https://cloud.google.com/iam/docs/reference/credentials/rest
 * @see https://cloud.google.com/iam/docs/service-account-permissions
 */
export const IAM_CREDENTIALS_REFUSALS: readonly KnownRefusal[] = [
  ...DISABLED_API_REFUSALS,
  ...OF_ARGUMENTS,
  ...ORGANIZATION_REFUSALS,
  ...OF_PERMISSIONS,
  {
    error: 'NOT_FOUND',
    meaning:
      'the service account to impersonate, or one of the delegates, does not exist; a user is none. Compare its e-mail address with `gcloud iam service-accounts list --project=PROJECT`.',
  },
  {
    error: 'UNAUTHENTICATED',
    cause: 'outdated_token',
    meaning:
      'Google does not accept the token of the source credential any more: its account may have been disabled or deleted. Look with `gcloud iam service-accounts describe SOURCE`.',
  },
  {
    error: 'FAILED_PRECONDITION',
    meaning:
      'the service account to impersonate, or one of the delegates, is disabled. Enable it with `gcloud iam service-accounts enable TARGET`.',
  },
];
