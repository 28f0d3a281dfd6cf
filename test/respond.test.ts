import { expect, test } from 'vitest';
import type { Door } from '../lambda/door.ts';
import { VendError } from '../lambda/errors.ts';
import { respond, respondWithError } from '../lambda/respond.ts';
import type { Grant, Token } from '../lambda/types.ts';
import { START_MS } from './make-time.ts';

const ACCESS: Grant = { kind: 'access_token', credential: 'default', scopes: 'a b' };
const ID: Grant = { kind: 'id_token', credential: 'default', audience: 'https://example.com' };
const TOKEN = { value: 'token', expiresAtMs: START_MS + 3_599_999 };

function door(kind: Door['kind']): Door {
  return { kind, caller: undefined, parameters: () => [] };
}

test('answers a direct invocation with the token and its scopes', () => {
  expect(respond(door('direct'), ACCESS, TOKEN, START_MS)).toEqual({
    access_token: 'token',
    token_type: 'Bearer',
    expires_in: 3_599,
    expires_at: '2026-01-01T00:59:59Z',
    scope: 'a b',
  });
});

test('answers a direct invocation with the ID token and its audience', () => {
  expect(respond(door('direct'), ID, TOKEN, START_MS)).toEqual({
    id_token: 'token',
    token_type: 'Bearer',
    expires_in: 3_599,
    expires_at: '2026-01-01T00:59:59Z',
    audience: 'https://example.com',
  });
});

test.each(['direct', 'http-api', 'rest-api'] as const)(
  'says through %s which service account a token is of, where that is known',
  (kind) => {
    const principal = 'reports@example-project.iam.gserviceaccount.com';
    const textOfAnswer = (grant: Grant, token: Token) =>
      JSON.stringify(respond(door(kind), grant, token, START_MS));

    const known = [ACCESS, ID].map((grant) => textOfAnswer(grant, { ...TOKEN, principal }));
    const unknown = [ACCESS, ID].map((grant) => textOfAnswer(grant, TOKEN));

    expect(known.every((text) => text.includes(principal))).toBe(true);
    expect(unknown.some((text) => text.includes('principal'))).toBe(false);
  },
);

test.each(['http-api', 'rest-api'] as const)(
  'answers by %s with the same as JSON, not to be stored',
  (kind) => {
    const answer = respond(door(kind), ACCESS, TOKEN, START_MS);

    expect(answer).toEqual({
      statusCode: 200,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      body: JSON.stringify(respond(door('direct'), ACCESS, TOKEN, START_MS)),
      isBase64Encoded: false,
    });
  },
);

test.each([
  [3_597_999, 2],
  [3_598_000, 1],
  [3_599_999, 0],
  [4_000_000, 0],
])('rounds what is left after %i milliseconds down to %i seconds', (laterMs, left) => {
  expect(respond(door('direct'), ACCESS, TOKEN, START_MS + laterMs)).toMatchObject({ expires_in: left });
});

test('answers an error with its status, its reason and the request’s id, not to be stored', () => {
  expect(respondWithError(new VendError('access_denied', 'Not you.'), 'request-1')).toEqual({
    statusCode: 403,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: '{"error":"access_denied","error_description":"Not you.","request_id":"request-1"}',
    isBase64Encoded: false,
  });
});

test.each(['google_unavailable', 'credential_unavailable', 'timeout'] as const)(
  'says after %s when to try again: as Google said, or in 5 seconds',
  (code) => {
    const told = respondWithError(new VendError(code, 'Later.', { retryAfterSeconds: 30 }), 'r');
    const untold = respondWithError(new VendError(code, 'Later.'), 'r');

    expect(told.headers['retry-after']).toBe('30');
    expect(untold.headers['retry-after']).toBe('5');
  },
);

test.each([
  'invalid_request',
  'access_denied',
  'credential_invalid',
  'google_refused',
  'server_error',
] as const)('invites nobody to try again after %s', (code) => {
  const { headers } = respondWithError(new VendError(code, 'No.', { retryAfterSeconds: 30 }), 'r');

  expect(headers).not.toHaveProperty('retry-after');
});

test('tells nothing of what lies underneath an error', () => {
  const error = new VendError('server_error', 'It failed.', { cause: new Error('canary') });

  expect(JSON.stringify(respondWithError(error, 'r'))).not.toContain('canary');
});
