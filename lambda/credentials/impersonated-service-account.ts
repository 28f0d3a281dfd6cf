import { isFields } from '../fields.ts';
import { serviceOrigin, universeOf } from './credential-document.ts';
import { createImpersonation, keepSourceToken } from './impersonation.ts';
import { delegatesOf, impersonationTargetOf } from './impersonation-target.ts';
import type { OpenSource } from './token-source.ts';

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
  // Else a token of the inner one's would be shown to whoever the outer one names.
  if (universeOf(inner, fault) !== universeOf(document, fault)) {
    throw fault('source_credentials.universe_domain', 'is not that of the document itself');
  }
  const source = await dependencies.openDocument(inner, (field, fix) =>
    fault(`source_credentials.${field ?? 'type'}`, fix),
  );
  return createImpersonation(target, keepSourceToken(source, dependencies.clock.googleMs), dependencies);
};
