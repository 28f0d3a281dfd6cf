import { type Fields, fieldsOf, textOf } from '../fields.ts';
import { redact } from '../quote.ts';
import type { Grant } from '../types.ts';
import type { LinkName } from './doctor-answer.ts';

/** Returns the fields of a credential document, none if it cannot be read: what is wrong with it is for others to say. */
export function readFields(text: string): Fields {
  try {
    return fieldsOf(JSON.parse(text.replace(/^\uFEFF/, '')));
  } catch {
    return {};
  }
}

function linksOfDocument(document: Fields): readonly LinkName[] {
  switch (document.type) {
    case 'service_account':
    case 'aws_kms':
      return ['signature', 'token endpoint'];
    case 'authorized_user':
      return ['token endpoint'];
    case 'external_account':
      return document.service_account_impersonation_url === undefined
        ? ['signature', 'STS']
        : ['signature', 'STS', 'impersonation'];
    case 'impersonated_service_account':
      return [...linksOfDocument(fieldsOf(document.source_credentials)), 'impersonation'];
    default:
      return [];
  }
}

/** What an impersonated account signs for itself is exchanged, or is the token. */
function linksToAccessToken(links: readonly LinkName[], grant: Grant): readonly LinkName[] {
  const isImpersonated = links.at(-1) === 'impersonation';
  if (grant.kind === 'id_token') {
    return links;
  }
  if (grant.selfSigned && !isImpersonated) {
    return links.filter((link) => link === 'signature');
  }
  return grant.subject !== undefined && isImpersonated ? [...links, 'token endpoint'] : links;
}

/** Returns the links that lie between a document and the first token of a grant. */
export function expectedLinks(document: Fields, grant: Grant): readonly LinkName[] {
  const impersonation: readonly LinkName[] = grant.impersonate === undefined ? [] : ['impersonation'];
  const isBounded = grant.kind === 'access_token' && grant.boundary !== undefined;
  return [
    ...linksToAccessToken([...linksOfDocument(document), ...impersonation], grant),
    ...(isBounded ? (['downscoping'] as const) : []),
  ];
}

function targetOf({ service_account_impersonation_url: url }: Fields): string | undefined {
  return /\/serviceAccounts\/([^/:]+):/.exec(textOf(url) ?? '')?.[1];
}

function describeFederation(document: Fields): string {
  const isSigned = textOf(document.subject_token_type)?.endsWith('aws4_request');
  const proof = isSigned ? 'a signed request to AWS’s STS' : 'an OIDC token of AWS’s';
  const target = targetOf(document);
  const acting = target === undefined ? '' : `, to act as ${target}`;
  return `workload identity federation with ${document.audience}, by ${proof}${acting}`;
}

function describeImpersonation(document: Fields): string {
  const { delegates } = document;
  const chain = Array.isArray(delegates) && delegates.length > 0 ? `, through ${delegates.join(', ')}` : '';
  const source = describeDocument(fieldsOf(document.source_credentials));
  return `acts as ${targetOf(document)}${chain}; its source is ${source}`;
}

function describe(document: Fields): string {
  const { type, client_email: email, private_key_id: keyId, key_id: kmsKey } = document;
  switch (type) {
    case 'service_account':
      return `the key ${keyId} of ${email}`;
    case 'aws_kms':
      return `the key ${kmsKey} in AWS KMS signs as ${email}, to Google by the name ${keyId}`;
    case 'external_account':
      return describeFederation(document);
    case 'impersonated_service_account':
      return describeImpersonation(document);
    case 'authorized_user':
      return 'the login of a person';
    default:
      return 'of a type that is not known here';
  }
}

/** Returns what a document is that has been found sound: its type, and whom and what it names. Nothing of that is secret. */
export function describeDocument(document: Fields): string {
  return redact(`${document.type}: ${describe(document)}`);
}
