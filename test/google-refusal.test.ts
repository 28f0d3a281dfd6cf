import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type EndpointKind, explainRefusal, type RefusalCause } from '../lambda/google/google-refusal.ts';
import { anyText } from './any-text.ts';

type Case = {
  readonly what: string;
  readonly status?: number;
  readonly error: string;
  readonly description: string;
  readonly cause?: RefusalCause;
  readonly fix: RegExp;
};

const TOKEN_ENDPOINT: readonly Case[] = [
  {
    what: 'a bad signature',
    error: 'invalid_grant',
    description: 'Invalid JWT Signature.',
    cause: 'outdated_credential',
    fix: /gcloud iam service-accounts keys list --iam-account EMAIL/,
  },
  {
    what: 'an unknown account',
    error: 'invalid_grant',
    description: 'Invalid grant: account not found',
    cause: 'outdated_credential',
    fix: /gcloud iam service-accounts undelete/,
  },
  {
    what: 'a wrong clock',
    error: 'invalid_grant',
    description:
      'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.',
    cause: 'clock',
    fix: /clock/,
  },
  {
    what: 'a wrong audience',
    error: 'invalid_grant',
    description: 'Invalid JWT: Failed audience check.',
    fix: /token_uri/,
  },
  {
    what: 'a disabled account',
    error: 'invalid_grant',
    description: 'Robot is disabled.',
    fix: /gcloud iam service-accounts enable EMAIL/,
  },
  {
    what: 'a missing delegation',
    status: 401,
    error: 'unauthorized_client',
    description:
      'Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.',
    fix: /delegation is not authorized.*describe EMAIL/,
  },
  {
    what: 'a delegation in its older words',
    status: 401,
    error: 'unauthorized_client',
    description: 'Unauthorized client or scope in request.',
    fix: /delegation is not authorized/,
  },
  {
    what: 'a delegation that lacks a scope',
    status: 403,
    error: 'access_denied',
    description: 'Requested client not authorized.',
    fix: /one of the scopes.*Domain-wide delegation/,
  },
  {
    what: 'a user who does not exist',
    error: 'invalid_grant',
    description: 'Invalid email or User ID',
    fix: /user to act for does not exist/,
  },
  {
    what: 'a user of no domain',
    error: 'invalid_grant',
    description: 'Not a valid email or user ID.',
    fix: /primary e-mail address/,
  },
  {
    what: 'a user by no address',
    error: 'invalid_request',
    description: 'Invalid impersonation "sub" field: ada',
    fix: /e-mail address/,
  },
  {
    what: 'a revoked login',
    error: 'invalid_grant',
    description: 'Token has been expired or revoked.',
    cause: 'outdated_credential',
    fix: /Log in again with `gcloud auth application-default login`/,
  },
  {
    what: 'a login that has to be renewed',
    error: 'invalid_grant',
    description: 'reauth related error (invalid_rapt)',
    cause: 'outdated_credential',
    fix: /session control.*Log in again/,
  },
  {
    what: 'a login that needs a proof',
    error: 'invalid_grant',
    description: 'reauth related error (rapt_required)',
    cause: 'outdated_credential',
    fix: /session control/,
  },
  {
    what: 'a deleted user',
    error: 'invalid_grant',
    description: 'Account has been deleted',
    cause: 'outdated_credential',
    fix: /user’s account was deleted/,
  },
  {
    what: 'a refresh token of another client',
    error: 'invalid_grant',
    description: 'Bad Request',
    cause: 'outdated_credential',
    fix: /OAuth client\. Log in again/,
  },
  {
    what: 'a restricted account',
    error: 'access_denied',
    description: 'Account Restricted',
    fix: /restricted the account/,
  },
  {
    what: 'a scope that the user did not agree to',
    error: 'invalid_scope',
    description: 'Bad Request',
    cause: 'outdated_login',
    fix: /login --scopes=SCOPES/,
  },
  {
    what: 'an OAuth client that is gone',
    status: 401,
    error: 'invalid_client',
    description: 'The OAuth client was not found.',
    cause: 'outdated_credential',
    fix: /Log in again/,
  },
  {
    what: 'a deleted OAuth client',
    status: 401,
    error: 'deleted_client',
    description: 'The OAuth client was deleted.',
    cause: 'outdated_credential',
    fix: /Restore it/,
  },
  {
    what: 'a disabled OAuth client',
    status: 401,
    error: 'disabled_client',
    description: 'The OAuth client was disabled.',
    cause: 'outdated_credential',
    fix: /Enable it/,
  },
  {
    what: 'an OAuth client for others',
    status: 403,
    error: 'org_internal',
    description: 'This client is restricted to users within its organization.',
    fix: /its own organization/,
  },
  {
    what: 'an OAuth client that the Workspace blocks',
    error: 'admin_policy_enforced',
    description: 'The Google Account is unable to authorize one or more scopes requested.',
    fix: /App access control/,
  },
  {
    what: 'a bad scope',
    error: 'invalid_scope',
    description: 'Invalid OAuth scope or ID token audience provided.',
    fix: /Correct the profile/,
  },
  {
    what: 'an assertion that cannot be read',
    error: 'invalid_request',
    description: 'Bad Request',
    fix: /token_uri/,
  },
  {
    what: 'another kind of endpoint',
    error: 'unsupported_grant_type',
    description: 'Invalid grant_type: urn:ietf:params:oauth:grant-type:jwt-bearer',
    fix: /token_uri/,
  },
];

const AWS_SAID = 'Received invalid AWS response of type';

const STS: readonly Case[] = [
  {
    what: 'a provider that is not there',
    error: 'invalid_target',
    description:
      'The target service indicated by the "audience" parameters is invalid. This might either be because the pool or provider is disabled or deleted or because it doesn\'t exist.',
    cause: 'outdated_credential',
    fix: /providers describe PROVIDER --workload-identity-pool=POOL --location=global/,
  },
  {
    what: 'an audience that is no provider’s name',
    error: 'invalid_request',
    description:
      'Invalid value for "audience". This value should be the full resource name of the Identity Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of possible formats.',
    cause: 'outdated_credential',
    fix: /field audience must be \/\/iam\.googleapis\.com\/projects\/NUMBER.*create-cred-config/,
  },
  {
    what: 'an attribute condition',
    error: 'unauthorized_client',
    description: 'The given credential is rejected by the attribute condition.',
    fix: /update-aws PROVIDER .*--attribute-condition=CONDITION/,
  },
  {
    what: 'a subject that is too long',
    error: 'invalid_request',
    description:
      'The size of mapped attribute google.subject exceeds the 127 bytes limit. Either modify your attribute mapping or the incoming assertion to produce a mapped attribute that is less than 127 bytes.',
    fix: /--attribute-mapping="google\.subject=assertion\.arn\.extract\('assumed-role\/\{role\}\/'\)"/,
  },
  {
    what: 'a subject that is not there',
    error: 'unauthorized_client',
    description: 'Could not obtain a value for google.subject from the given credential.',
    fix: /finds nothing.*--attribute-mapping=/,
  },
  {
    what: 'an AWS signature that is too old',
    error: 'invalid_grant',
    description: `${AWS_SAID} SignatureDoesNotMatch with error message: Signature expired: 20261122T060000Z is now earlier than 20261122T064500Z (20261122T070000Z - 15 min.)`,
    cause: 'clock',
    fix: /clock/,
  },
  {
    what: 'an AWS signature from the future',
    error: 'invalid_grant',
    description: `${AWS_SAID} SignatureDoesNotMatch with error message: Signature not yet current: 20261122T080000Z is still later than 20261122T071500Z (20261122T070000Z + 15 min.)`,
    cause: 'clock',
    fix: /clock/,
  },
  {
    what: 'a wrong AWS signature',
    error: 'invalid_grant',
    description: `${AWS_SAID}: SignatureDoesNotMatch, message: The request signature we calculated does not match the signature you provided.`,
    fix: /regional_cred_verification_url/,
  },
  {
    what: 'AWS credentials that have expired',
    error: 'invalid_grant',
    description: `${AWS_SAID} ExpiredToken with error message: The security token included in the request is expired`,
    fix: /have expired.*aws sts get-caller-identity/,
  },
  {
    what: 'an access key that AWS does not know',
    error: 'invalid_grant',
    description: `${AWS_SAID} InvalidClientTokenId with error message: The security token included in the request is invalid.`,
    fix: /does not know the access key.*aws sts get-caller-identity/,
  },
  {
    what: 'another no of AWS’s',
    error: 'invalid_grant',
    description: `${AWS_SAID} AccessDenied with error message: no`,
    fix: /AWS did not confirm/,
  },
  {
    what: 'another AWS account',
    error: 'invalid_grant',
    description: 'The AWS account 123456789012 does not match the account of the provider.',
    fix: /update-aws PROVIDER .*--account-id=AWS_ACCOUNT_ID/,
  },
  {
    what: 'a request that is not AWS’s',
    error: 'invalid_grant',
    description: 'AWS request has invalid format.',
    fix: /regional_cred_verification_url/,
  },
  {
    what: 'another issuer',
    error: 'invalid_grant',
    description:
      'The issuer in ID Token https://issuer.example does not match the expected ones: https://other.example.',
    fix: /update-oidc PROVIDER .*--issuer-uri=ISSUER/,
  },
  {
    what: 'another audience',
    error: 'invalid_grant',
    description: 'The audience in ID Token [sts.amazonaws.com] does not match the expected audience.',
    fix: /--allowed-audiences=AUDIENCE/,
  },
  {
    what: 'a token that has ended',
    error: 'invalid_grant',
    description: 'ID Token issued at 1713260741 is stale to sign-in.',
    fix: /make a new one/,
  },
  {
    what: 'an algorithm that Google does not take',
    error: 'invalid_grant',
    description: 'Unsupported signing algorithm of the ID Token: RS256 and ES256 are supported.',
    fix: /RS256 or ES256/,
  },
  {
    what: 'a token with a wrong signature',
    error: 'invalid_grant',
    description: 'Unable to verify the ID Token signature.',
    fix: /--jwk-json-path=FILE/,
  },
  {
    what: 'an issuer that Google cannot reach',
    error: 'invalid_grant',
    description: "Error connecting to the given credential's issuer.",
    fix: /reachable from the internet.*--jwk-json-path=FILE/,
  },
  {
    what: 'a token that is none',
    error: 'invalid_grant',
    description: 'Unable to parse the ID Token.',
    fix: /credential_source\.format/,
  },
  {
    what: 'a boundary that is none',
    error: 'invalid_request',
    description: 'Invalid access boundary: it must have 1 to 10 accessBoundaryRules.',
    fix: /profile’s boundary/,
  },
  {
    what: 'a token that cannot be bounded',
    error: 'invalid_grant',
    description: 'The subject token is invalid, has expired or is downscoped already.',
    fix: /bounded already/,
  },
  { what: 'a bad scope', error: 'invalid_scope', description: 'Invalid OAuth scope: x.', fix: /profile/ },
  {
    what: 'an API that is not enabled',
    status: 403,
    error: 'PERMISSION_DENIED',
    description:
      'Security Token Service API has not been used in project 1 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/sts.googleapis.com/overview?project=1 then retry.',
    fix: /gcloud services enable sts\.googleapis\.com --project=PROJECT/,
  },
];

function denied(permission: string): Pick<Case, 'status' | 'error' | 'description'> {
  const description = `Permission 'iam.serviceAccounts.${permission}' denied on resource (or it may not exist).`;
  return { status: 403, error: 'PERMISSION_DENIED', description };
}

const IAM_CREDENTIALS: readonly Case[] = [
  {
    what: 'an impersonation that is not allowed',
    ...denied('getAccessToken'),
    fix: /add-iam-policy-binding TARGET --member=serviceAccount:SOURCE --role=roles\/iam\.serviceAccountTokenCreator.*principal:\/\/.* --role=roles\/iam\.workloadIdentityUser/,
  },
  {
    what: 'ID tokens that are not allowed',
    ...denied('getOpenIdToken'),
    fix: /roles\/iam\.serviceAccountOpenIdTokenCreator.*roles\/iam\.workloadIdentityUser/,
  },
  {
    what: 'signatures that are not allowed',
    ...denied('signJwt'),
    fix: /may not sign.*roles\/iam\.serviceAccountTokenCreator.*roles\/iam\.workloadIdentityUser is not enough/,
  },
  {
    what: 'a chain that does not hold',
    ...denied('implicitDelegation'),
    fix: /link of the chain.*roles\/iam\.serviceAccountTokenCreator/,
  },
  {
    what: 'a denial in its older words',
    status: 403,
    error: 'PERMISSION_DENIED',
    description: 'The caller does not have permission',
    fix: /roles\/iam\.serviceAccountTokenCreator/,
  },
  {
    what: 'a login that does not reach IAM',
    status: 403,
    error: 'PERMISSION_DENIED',
    description: 'Request had insufficient authentication scopes.',
    cause: 'outdated_login',
    fix: /Log in again/,
  },
  {
    what: 'an API that is not enabled',
    status: 403,
    error: 'PERMISSION_DENIED',
    description:
      'IAM Service Account Credentials API has not been used in project 1 before or it is disabled.',
    fix: /gcloud services enable iamcredentials\.googleapis\.com --project=PROJECT/,
  },
  {
    what: 'a perimeter',
    status: 403,
    error: 'PERMISSION_DENIED',
    description:
      "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: VQQnKfXtZ16NHnOmdJAy",
    fix: /perimeters update PERIMETER --policy=POLICY --set-ingress-policies=FILE/,
  },
  {
    what: 'an organization policy',
    status: 403,
    error: 'PERMISSION_DENIED',
    description: 'Org Policy violated: constraints/iam.disableServiceAccountTokens',
    fix: /org-policies describe CONSTRAINT/,
  },
  {
    what: 'a lifetime over an hour',
    error: 'INVALID_ARGUMENT',
    description:
      'Service accounts can not have lifetimes of more than 1 hour. Use the Org Policy Constraint constraints/iam.allowServiceAccountCredentialLifetimeExtension to allow up to 12 hours.',
    fix: /org-policies allow constraints\/iam\.allowServiceAccountCredentialLifetimeExtension TARGET --organization=/,
  },
  {
    what: 'a delegate that is none',
    error: 'INVALID_ARGUMENT',
    description: 'Invalid delegate "a@b"',
    fix: /projects\/-\/serviceAccounts\/EMAIL/,
  },
  {
    what: 'a bad scope',
    error: 'INVALID_ARGUMENT',
    description: 'Invalid value at "scope"',
    fix: /scope.*profile/,
  },
  {
    what: 'a bad audience',
    error: 'INVALID_ARGUMENT',
    description: 'Invalid value at "audience"',
    fix: /audience.*profile/,
  },
  {
    what: 'claims that end too late',
    error: 'INVALID_ARGUMENT',
    description: 'Invalid payload: exp must be at most 12 hours in the future',
    cause: 'clock',
    fix: /12 hours/,
  },
  {
    what: 'an argument that is not named',
    error: 'INVALID_ARGUMENT',
    description: 'Request contains an invalid argument.',
    fix: /usual one/,
  },
  {
    what: 'a target that is not there',
    status: 404,
    error: 'NOT_FOUND',
    description: 'Not found; Gaia id not found for email a@b',
    fix: /does not exist.*gcloud iam service-accounts list/,
  },
  {
    what: 'a source token that is not accepted',
    status: 401,
    error: 'UNAUTHENTICATED',
    description:
      'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.',
    cause: 'outdated_token',
    fix: /source credential/,
  },
  {
    what: 'a disabled target',
    error: 'FAILED_PRECONDITION',
    description: 'Precondition check failed.',
    fix: /gcloud iam service-accounts enable TARGET/,
  },
];

const CASES = Object.entries({ token: TOKEN_ENDPOINT, sts: STS, iam_credentials: IAM_CREDENTIALS }).flatMap(
  ([endpoint, cases]) =>
    cases.map((one) => [endpoint as EndpointKind, one.what, one] satisfies [EndpointKind, string, Case]),
);

test.each(CASES)(
  'explains a refusal of %s: %s, in one line with Google’s words and the fix',
  (endpoint, _what, refused) => {
    const { status = 400, error, description, cause = 'other', fix } = refused;

    const refusal = explainRefusal({ status, error, description, endpoint });

    expect(refusal.cause).toBe(cause);
    expect(refusal.explanation).toContain(`Google answered ${status} "${error}": `);
    expect(refusal.explanation).toContain(JSON.stringify(description.slice(0, 60)).slice(0, -1));
    expect(refusal.explanation).toMatch(fix);
    expect(refusal.explanation).toMatch(/^[^\n]+\.$/);
  },
);

test.each(CASES)('knows a refusal of %s: %s, without being told whose it is', (_endpoint, _what, refused) => {
  const { status = 400, error, description, cause = 'other', fix } = refused;

  const refusal = explainRefusal({ status, error, description });

  expect(refusal).toEqual({ cause, explanation: expect.stringMatching(fix) });
});

test('does not take the same error of another endpoint for what it is not', () => {
  const description = 'The given credential is rejected by the attribute condition.';

  const { explanation } = explainRefusal({
    status: 400,
    error: 'unauthorized_client',
    description,
    endpoint: 'token',
  });

  expect(explanation).toBe(`Google answered 400 "unauthorized_client": "${description}".`);
});

test.each([
  ['invalid_request', 'Something new.'],
  ['invalid_grant', 'Something new.'],
  ['unauthorized_client', 'Something new.'],
  ['ABORTED', 'Something new.'],
  ['access_denied', 'Invalid JWT Signature.'],
])('passes the unknown refusal %s: %s on as it is', (error, description) => {
  expect(explainRefusal({ status: 400, error, description })).toEqual({
    cause: 'other',
    explanation: `Google answered 400 "${error}": "${description}".`,
  });
});

test('makes do without any words', () => {
  expect(explainRefusal({ status: 403, error: undefined, description: undefined })).toEqual({
    cause: 'other',
    explanation: 'Google answered 403.',
  });
});

test('does not take an error without a description for a known one', () => {
  const refusal = explainRefusal({ status: 400, error: 'invalid_grant', description: undefined });

  expect(refusal).toEqual({ cause: 'other', explanation: 'Google answered 400 "invalid_grant".' });
});

test.each([301, 302, 307, 308])('says of a %i that redirects are not followed', (status) => {
  const { explanation } = explainRefusal({ status, error: undefined, description: undefined });

  expect(explanation).toMatch(/redirect.*token_uri/);
});

test.each<[EndpointKind, string]>([
  ['token', 'token_uri'],
  ['sts', 'token_url'],
  ['iam_credentials', 'service_account_impersonation_url'],
])('names the field in which the address of %s stands', (endpoint, field) => {
  const { explanation } = explainRefusal({ status: 302, error: undefined, description: undefined, endpoint });

  expect(explanation).toContain(`Check the field ${field} `);
});

test.each([404, 405])('says of a %i that there is no token endpoint', (status) => {
  const { explanation } = explainRefusal({ status, error: undefined, description: undefined });

  expect(explanation).toMatch(/no token endpoint.*token_uri/);
});

test('bounds what it quotes, and lets neither control characters nor tokens through', () => {
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln';
  fc.assert(
    fc.property(anyText(400), fc.string(), (before, after) => {
      const description = `${before}${token} ${after}`;

      const { explanation } = explainRefusal({ status: 400, error: 'x', description });

      expect(explanation).not.toContain('eyJ');
      expect(explanation).not.toMatch(/\p{Cc}/u);
      expect(explanation.length).toBeLessThan(1_200);
    }),
    { numRuns: 300 },
  );
});
