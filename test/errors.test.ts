import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { asVendError, ERRORS, VendError } from '../lambda/errors.ts';

test('the table of errors is the one that callers were promised', () => {
  expect(ERRORS).toEqual({
    invalid_request: { status: 400, thrownAs: 'InvalidRequest', retryable: false },
    access_denied: { status: 403, thrownAs: 'AccessDenied', retryable: false },
    credential_invalid: { status: 500, thrownAs: 'CredentialInvalid', retryable: false },
    credential_unavailable: { status: 503, thrownAs: 'CredentialUnavailable', retryable: true },
    google_refused: { status: 502, thrownAs: 'GoogleRefused', retryable: false },
    google_unavailable: { status: 503, thrownAs: 'GoogleUnavailable', retryable: true },
    timeout: { status: 504, thrownAs: 'Timeout', retryable: true },
    server_error: { status: 500, thrownAs: 'ServerError', retryable: false },
  });
});

test('an error goes by the name that a state machine sees', () => {
  const error = new VendError('google_unavailable', 'Google is away.', { retryAfterSeconds: 7 });

  expect(error).toMatchObject({
    name: 'GoogleUnavailable',
    code: 'google_unavailable',
    retryAfterSeconds: 7,
  });
  expect(String(error)).toBe('GoogleUnavailable: Google is away.');
});

test('its stack tells nobody the paths of the bundle', () => {
  expect(new VendError('timeout', 'Too late.').stack).toBe('Timeout: Too late.');
});

test('keeps its cause for us, and has none where none was given', () => {
  const cause = new Error('underneath');

  expect(new VendError('timeout', 'Too late.', { cause }).cause).toBe(cause);
  expect('cause' in new VendError('timeout', 'Too late.')).toBe(false);
});

test('is the same without its cause', () => {
  const error = new VendError('google_unavailable', 'Away.', {
    cause: new Error('canary'),
    retryAfterSeconds: 7,
  });

  const outside = error.withoutCause();

  expect(outside).toMatchObject({
    name: error.name,
    code: error.code,
    message: 'Away.',
    retryAfterSeconds: 7,
  });
  expect(inspect(outside, { showHidden: true })).not.toContain('canary');
  expect('cause' in outside).toBe(false);
});

test('an error of the vendor’s own is passed on as it is', () => {
  const error = new VendError('timeout', 'Too late.');

  expect(asVendError(error)).toBe(error);
});

test.each([new TypeError('canary'), 'canary', { canary: true }, null, undefined, 7])(
  '%o becomes a server_error that tells nothing of it',
  (thrown) => {
    const error = asVendError(thrown);

    expect([error.code, error.name, error.cause]).toEqual(['server_error', 'ServerError', thrown]);
    expect(`${error.message} ${error.stack}`).not.toContain('canary');
  },
);
