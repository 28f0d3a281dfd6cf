type RefusalText = { readonly status: number; readonly error: string; readonly description: string };

/**
 * Google's refusals at its token endpoint, in its own words.
 *
 * @see https://developers.google.com/identity/protocols/oauth2/service-account#jwt-error-codes
 */
export const REFUSALS = {
  malformed: { status: 400, error: 'invalid_request', description: 'Bad Request' },
  signature: { status: 400, error: 'invalid_grant', description: 'Invalid JWT Signature.' },
  account: { status: 400, error: 'invalid_grant', description: 'Invalid grant: account not found' },
  window: {
    status: 400,
    error: 'invalid_grant',
    description:
      'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.',
  },
  scope: {
    status: 400,
    error: 'invalid_scope',
    description: 'Invalid OAuth scope or ID token audience provided.',
  },
  audience: { status: 400, error: 'invalid_grant', description: 'Invalid JWT: Failed audience check.' },
  delegation: {
    status: 401,
    error: 'unauthorized_client',
    description:
      'Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.',
  },
  grantTypeMissing: {
    status: 400,
    error: 'invalid_request',
    description: 'Required parameter is missing: grant_type',
  },
  grantTypeUnknown: { status: 400, error: 'unsupported_grant_type', description: 'Invalid grant_type' },
  assertionMissing: {
    status: 400,
    error: 'invalid_request',
    description: 'Required parameter is missing: assertion',
  },
  refreshTokenMissing: {
    status: 400,
    error: 'invalid_request',
    description: 'Required parameter is missing: refresh_token',
  },
  refreshTokenUnknown: { status: 400, error: 'invalid_grant', description: 'Bad Request' },
  refreshTokenRevoked: {
    status: 400,
    error: 'invalid_grant',
    description: 'Token has been expired or revoked.',
  },
  clientMissing: {
    status: 400,
    error: 'invalid_request',
    description: 'Could not determine client ID from request.',
  },
  clientUnknown: { status: 401, error: 'invalid_client', description: 'The OAuth client was not found.' },
  clientSecretWrong: { status: 401, error: 'invalid_client', description: 'Unauthorized' },
  scopeNotGranted: { status: 400, error: 'invalid_scope', description: 'Bad Request' },
} as const satisfies Record<string, RefusalText>;

/** One row of {@link REFUSALS}. */
export type RefusalReason = keyof typeof REFUSALS;

/** A refusal on its way to the token endpoint, which answers with it. */
export class Refusal extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super(REFUSALS[reason].description);
    this.name = 'Refusal';
    this.reason = reason;
  }
}
