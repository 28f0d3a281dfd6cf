import fc from 'fast-check';
import { expect, test } from 'vitest';
import { explainRefusal, type RefusalCause } from '../lambda/google-refusal.ts';
import { anyText } from './any-text.ts';

const SHORT_LIVED =
  'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.';
const UNAUTHORIZED =
  'Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.';

test.each<[string, number, string, string, RefusalCause, RegExp]>([
  ['a bad signature', 400, 'invalid_grant', 'Invalid JWT Signature.', 'outdated_credential', /keys list/],
  [
    'an unknown account',
    400,
    'invalid_grant',
    'Invalid grant: account not found',
    'outdated_credential',
    /account/,
  ],
  ['a wrong clock', 400, 'invalid_grant', SHORT_LIVED, 'clock', /clock/],
  ['a wrong audience', 400, 'invalid_grant', 'Invalid JWT: Failed audience check.', 'other', /token_uri/],
  [
    'a revoked token',
    400,
    'invalid_grant',
    'Token has been expired or revoked.',
    'outdated_credential',
    /Log in again/,
  ],
  [
    'a bad scope',
    400,
    'invalid_scope',
    'Invalid OAuth scope or ID token audience provided.',
    'other',
    /profile/,
  ],
  [
    'an OAuth client that is gone',
    401,
    'invalid_client',
    'The OAuth client was not found.',
    'outdated_credential',
    /Log in again/,
  ],
  [
    'an impersonation that is not allowed',
    403,
    'PERMISSION_DENIED',
    "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).",
    'other',
    /add-iam-policy-binding TARGET .*serviceAccountTokenCreator/,
  ],
  [
    'an API that is not enabled',
    403,
    'PERMISSION_DENIED',
    'IAM Service Account Credentials API has not been used in project 1 before or it is disabled.',
    'other',
    /gcloud services enable iamcredentials/,
  ],
  [
    'a target that is not there',
    404,
    'NOT_FOUND',
    'Not found; Gaia id not found for email a@b',
    'other',
    /does not exist/,
  ],
  [
    'a source token that ended',
    401,
    'UNAUTHENTICATED',
    'Request had invalid authentication credentials.',
    'other',
    /source credential/,
  ],
  ['a missing delegation', 401, 'unauthorized_client', UNAUTHORIZED, 'other', /delegation/],
])('explains %s in Google’s words, with the fix', (_what, status, error, description, cause, fix) => {
  const refusal = explainRefusal({ status, error, description });

  expect(refusal.cause).toBe(cause);
  expect(refusal.explanation).toContain(`Google answered ${status} "${error}": "`);
  expect(refusal.explanation).toContain(description.slice(0, 100));
  expect(refusal.explanation).toMatch(fix);
});

test.each([
  ['invalid_request', 'Bad Request'],
  ['invalid_grant', 'Something new.'],
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
