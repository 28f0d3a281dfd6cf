import { DISABLED_API_REFUSALS, ORGANIZATION_REFUSALS } from './google-api-refusals.ts';
import type { KnownRefusal } from './google-refusal.ts';

const WHERE = 'PROVIDER --workload-identity-pool=POOL --location=global';

function provider(command: 'describe' | 'undelete' | 'update-aws' | 'update-oidc', flags = ''): string {
  return `\`gcloud iam workload-identity-pools providers ${command} ${WHERE}${flags}\``;
}

const TRY_AWS = 'Try `aws sts get-caller-identity` with the same credentials.';
const VERIFICATION_URL = 'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15';

/** Which pool and provider, and who in them is admitted. */
const OF_PROVIDERS: readonly KnownRefusal[] = [
  {
    error: 'invalid_target',
    cause: 'outdated_credential',
    meaning: `the pool or the provider in the credential’s field audience does not exist, is disabled or was deleted. Look with ${provider('describe')}; ${provider('undelete')} and \`update-aws\` or \`update-oidc\` with \`--no-disabled\` bring it back.`,
  },
  {
    error: 'invalid_request',
    says: /invalid value for .?audience/i,
    cause: 'outdated_credential',
    meaning:
      'the credential’s field audience must be //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER, with the project’s number and not its id. Write the credential anew with `gcloud iam workload-identity-pools create-cred-config`, and put it into the secret.',
  },
  {
    says: /attribute condition/i,
    meaning: `the provider admits others, but not this identity. Look with ${provider('describe')}, and correct the condition with ${provider('update-aws', ' --attribute-condition=CONDITION')} (or \`update-oidc\`).`,
  },
  {
    says: /127 bytes/,
    meaning: `the provider maps google.subject to something too long. Map a shorter one with ${provider('update-aws', ' --attribute-mapping="google.subject=assertion.arn.extract(\'assumed-role/{role}/\')"')} (or \`update-oidc\`, for example with assertion.sub.extract); name every other mapping as well, for the list is replaced.`,
  },
  {
    says: /google\.subject/,
    meaning: `the provider’s mapping finds nothing in the credential for google.subject. Look with ${provider('describe')}, and correct it with ${provider('update-aws', ' --attribute-mapping=google.subject=assertion.arn')} (or \`update-oidc\`, with assertion.sub); name every other mapping as well, for the list is replaced.`,
  },
];

/** A signed request for `GetCallerIdentity`, which Google replays; AWS's own words stand within Google's. */
const OF_AWS: readonly KnownRefusal[] = [
  {
    error: 'invalid_grant',
    says: /signature expired|not yet current|RequestExpired|RequestTimeTooSkewed/i,
    cause: 'clock',
    meaning: 'the clock of the function differs from AWS’s by more than AWS accepts.',
  },
  {
    error: 'invalid_grant',
    says: /SignatureDoesNotMatch/,
    meaning: `AWS computes another signature: the secret access key is not that of the access key, or the credential’s field regional_cred_verification_url is not ${VERIFICATION_URL}. ${TRY_AWS}`,
  },
  {
    error: 'invalid_grant',
    says: /ExpiredToken|token included in the request is expired/i,
    meaning: `the AWS credentials that signed have expired, and whatever provides them has not renewed them. ${TRY_AWS}`,
  },
  {
    error: 'invalid_grant',
    says: /InvalidClientTokenId|token included in the request is invalid/i,
    meaning: `AWS does not know the access key: it was deleted, it lacks its session token, it is of another partition, or its region is not enabled. ${TRY_AWS}`,
  },
  {
    error: 'invalid_grant',
    says: /invalid AWS response/i,
    meaning: `AWS did not confirm who signed. ${TRY_AWS} If that works, check the credential’s field regional_cred_verification_url: it is ${VERIFICATION_URL}.`,
  },
  {
    says: /AWS account|account.+not match/i,
    meaning: `the provider admits another AWS account. Name this one, which \`aws sts get-caller-identity\` prints, with ${provider('update-aws', ' --account-id=AWS_ACCOUNT_ID')}.`,
  },
  {
    says: /AWS (?:request|subject token|credentials)|target.resource/i,
    meaning: `Google does not take the signed request for one of AWS’s GetCallerIdentity. Check the credential’s field regional_cred_verification_url: it is ${VERIFICATION_URL}.`,
  },
];

/** A token of an OpenID Connect issuer. */
const OF_OIDC: readonly KnownRefusal[] = [
  {
    error: 'invalid_grant',
    says: /the issuer in ID token/i,
    meaning: `the provider trusts another issuer. Name the token’s own, letter by letter, with ${provider('update-oidc', ' --issuer-uri=ISSUER')}.`,
  },
  {
    error: 'invalid_grant',
    says: /the audience in ID token/i,
    meaning: `the token was made out to somebody else. Leave the credential’s field credential_source.aws_web_identity_token.audience out, so that it is made out to the provider, or admit its audience with ${provider('update-oidc', ' --allowed-audiences=AUDIENCE')}.`,
  },
  {
    error: 'invalid_grant',
    says: /stale to sign-in|ID token.+(?:expired|future)/i,
    meaning:
      'the token had ended, or was not yet valid, when Google saw it; Google wants iat and exp in it, and allows a minute. Have the issuer make a new one, check its clock, and raise the credential’s field credential_source.aws_web_identity_token.duration_seconds.',
  },
  {
    error: 'invalid_grant',
    says: /algorithm/i,
    meaning: 'Google takes tokens signed with RS256 or ES256. Have the issuer sign with one of them.',
  },
  {
    error: 'invalid_grant',
    says: /signature/i,
    meaning: `the token is not signed by the key of that id. If the provider has the issuer’s keys uploaded, replace them with ${provider('update-oidc', ' --jwk-json-path=FILE')}.`,
  },
  {
    error: 'invalid_grant',
    says: /connecting to the given credential/i,
    meaning: `Google cannot get the issuer’s keys, or the token’s is not among them. ISSUER/.well-known/openid-configuration must be reachable from the internet; or upload the keys with ${provider('update-oidc', ' --jwk-json-path=FILE')}.`,
  },
  {
    error: 'invalid_grant',
    says: /pars(?:e|ing)/i,
    meaning:
      'what was handed in is no JWT. Check the credential’s fields credential_source.format and subject_token_type.',
  },
];

/** A Credential Access Boundary. */
const OF_DOWNSCOPING: readonly KnownRefusal[] = [
  {
    error: 'invalid_request',
    says: /access.?boundar|available(?:Resource|Permissions)|availabilityCondition/i,
    meaning:
      'the profile’s boundary is none that Google takes: 1 to 10 rules, 2,048 characters, buckets of Cloud Storage as //storage.googleapis.com/projects/_/buckets/NAME, permissions as inRole:ROLE, conditions in CEL. Correct the profile’s boundary.',
  },
  {
    error: 'invalid_grant',
    says: /subject.?token/i,
    meaning: 'the token to be bounded has ended, or is bounded already.',
  },
];

/**
 * What the Security Token Service refuses, in its words.
 *
 * @see https://cloud.google.com/iam/docs/troubleshooting-workload-identity-federation
 */
export const STS_REFUSALS: readonly KnownRefusal[] = [
  ...DISABLED_API_REFUSALS,
  ...ORGANIZATION_REFUSALS,
  ...OF_PROVIDERS,
  ...OF_AWS,
  ...OF_OIDC,
  ...OF_DOWNSCOPING,
  {
    error: 'invalid_scope',
    meaning: 'a scope is none that Google knows. Correct the profile’s scopes.',
  },
];
