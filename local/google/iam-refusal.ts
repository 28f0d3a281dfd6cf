import { apiError } from './api-error.ts';
import type { Answer } from './route.ts';

const SERVICE = 'iamcredentials.googleapis.com';
const METHOD_PACKAGE = 'google.iam.credentials.v1.IAMCredentials';

/** The permission that a method of the API needs on the account it is called for. */
export type IamPermission =
  | 'iam.serviceAccounts.getAccessToken'
  | 'iam.serviceAccounts.getOpenIdToken'
  | 'iam.serviceAccounts.signJwt';

/** Why IAM Credentials says no. */
export type IamRefusalReason =
  | {
      readonly kind: 'credentialMissing' | 'credentialInvalid' | 'scopeInsufficient';
      readonly method: string;
    }
  | { readonly kind: 'argument'; readonly message: string }
  | { readonly kind: 'accountUnknown'; readonly email: string }
  | { readonly kind: 'permission'; readonly permission: IamPermission };

/** A refusal on its way to the API, which answers with it. */
export class IamRefusal extends Error {
  readonly reason: IamRefusalReason;

  constructor(reason: IamRefusalReason) {
    super(reason.kind);
    this.name = 'IamRefusal';
    this.reason = reason;
  }
}

function about(method: string): Readonly<Record<string, string>> {
  return { service: SERVICE, method: `${METHOD_PACKAGE}.${method}` };
}

function unauthenticated(lead: string, reason: string, method: string): Answer {
  return apiError({
    code: 401,
    status: 'UNAUTHENTICATED',
    message: `${lead} Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.`,
    reason,
    metadata: about(method),
    headers: { 'www-authenticate': 'Bearer realm="https://accounts.google.com/"' },
  });
}

/**
 * Returns the answer that a refusal is, in the JSON and the words of Google's APIs.
 *
 * @see https://cloud.google.com/iam/docs/reference/credentials/rest
 */
export function answerIamRefusal({ reason }: IamRefusal): Answer {
  switch (reason.kind) {
    case 'credentialMissing':
      return unauthenticated(
        'Request is missing required authentication credential.',
        'CREDENTIALS_MISSING',
        reason.method,
      );
    case 'credentialInvalid':
      return unauthenticated(
        'Request had invalid authentication credentials.',
        'ACCESS_TOKEN_TYPE_UNSUPPORTED',
        reason.method,
      );
    case 'scopeInsufficient':
      return apiError({
        code: 403,
        status: 'PERMISSION_DENIED',
        message: 'Request had insufficient authentication scopes.',
        reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
        metadata: about(reason.method),
      });
    case 'argument':
      return apiError({ code: 400, status: 'INVALID_ARGUMENT', message: reason.message });
    case 'accountUnknown':
      return apiError({
        code: 404,
        status: 'NOT_FOUND',
        message: `Not found; Gaia id not found for email ${reason.email}`,
      });
    case 'permission':
      return apiError({
        code: 403,
        status: 'PERMISSION_DENIED',
        message: `Permission '${reason.permission}' denied on resource (or it may not exist).`,
        reason: 'IAM_PERMISSION_DENIED',
        domain: 'iam.googleapis.com',
        metadata: { permission: reason.permission },
      });
    default: {
      const never: never = reason;
      return never;
    }
  }
}
