import { type CredentialDocument, endpointField, type Fault } from './credential-document.ts';

const FIELD = 'service_account_impersonation_url';
const GENERATE =
  /^(https?:\/\/[^/?#]+)\/v1\/projects\/-\/serviceAccounts\/([^/:?#%]+@[^/:?#%]+):generateAccessToken$/;
const DELEGATE = /^(?:projects\/-\/serviceAccounts\/)?([^/\s]+@[^/\s]+)$/;

/**
 * Returns whom a document's `service_account_impersonation_url` names, and the origin that it is asked at.
 *
 * @throws {VendError} `credential_invalid` for another address than one of IAM Credentials'
 * @see https://google.aip.dev/auth/4117
 */
export function impersonationTargetOf(
  document: CredentialDocument,
  fault: Fault,
): { readonly origin: string; readonly serviceAccount: string } {
  const [, origin, serviceAccount] =
    GENERATE.exec(endpointField(document, FIELD, 'iamcredentials', fault)) ?? [];
  if (origin === undefined || serviceAccount === undefined) {
    throw fault(FIELD, 'does not end in /v1/projects/-/serviceAccounts/EMAIL:generateAccessToken');
  }
  return { origin, serviceAccount };
}

/**
 * Returns the e-mail addresses of a document's `delegates`, its source's nearest first; none, if it has none.
 *
 * @throws {VendError} `credential_invalid`
 */
export function delegatesOf(document: CredentialDocument, fault: Fault): readonly string[] {
  const { delegates = [] } = document;
  if (!Array.isArray(delegates)) {
    throw fault('delegates', 'is no list');
  }
  return delegates.map((delegate: unknown) => {
    const email = typeof delegate === 'string' ? DELEGATE.exec(delegate)?.[1] : undefined;
    if (email === undefined) {
      throw fault(
        'delegates',
        'must be a list of service accounts, by e-mail or as projects/-/serviceAccounts/EMAIL',
      );
    }
    return email;
  });
}
