import { type CredentialDocument, type Fault, serviceOrigin } from './credential-document.ts';
import { isFields } from './fields.ts';
import { createImpersonation, keepSourceToken } from './impersonation.ts';
import { impersonationTargetOf } from './impersonation-url.ts';
import type { OpenSource } from './token-source.ts';

const DELEGATE = /^(?:projects\/-\/serviceAccounts\/)?([^/\s]+@[^/\s]+)$/;

function delegatesOf(document: CredentialDocument, fault: Fault): readonly string[] {
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

/**
 * Returns the source for a document that impersonates a service account with its `source_credentials`.
 *
 * @see https://google.aip.dev/auth/4117
 */
export const openImpersonatedServiceAccount: OpenSource = async (document, fault, dependencies) => {
  const target = {
    ...impersonationTargetOf(document, fault),
    delegates: delegatesOf(document, fault),
    tokenUri: `${serviceOrigin(document, 'oauth2', fault)}/token`,
  };
  const { source_credentials: inner } = document;
  if (!isFields(inner) || inner.type === 'impersonated_service_account') {
    throw fault(
      'source_credentials',
      'must be a credential of its own that does not impersonate; delegates are the way to a chain',
    );
  }
  const source = await dependencies.openDocument(inner, (field, fix) =>
    fault(`source_credentials.${field ?? 'type'}`, fix),
  );
  return createImpersonation(target, keepSourceToken(source, dependencies.clock.googleMs), dependencies);
};
