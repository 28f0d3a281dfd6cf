import { VendError } from './errors.ts';
import type { Fields } from './fields.ts';

/** The fields of a credential document. */
export type CredentialDocument = Fields;

/** Makes the error for a faulty document: which field is at fault (`undefined` for all of it), and what to do about it. */
export type Fault = (field: string | undefined, fix: string) => VendError;

const DEFAULT_UNIVERSE = 'googleapis.com';
const DOMAIN = /^(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*$/;
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** Returns whether a URL's host is this machine's own, where a stand-in may be. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.has(hostname);
}

/** Returns the maker of errors about the document that `holder` (`secret NAME`, `file NAME`) holds. */
export function faultOf(holder: string): Fault {
  return (field, fix) =>
    new VendError(
      'credential_invalid',
      `The ${holder} cannot be used: ${field === undefined ? 'its value' : `its field ${field}`} ${fix}.`,
    );
}

/** Returns a field that has to be a string with something in it. @throws {VendError} `credential_invalid` */
export function textField(document: CredentialDocument, field: string, fault: Fault): string {
  const value = document[field];
  if (typeof value !== 'string' || value === '') {
    throw fault(field, 'is missing or no string; store the file exactly as Google gave it');
  }
  return value;
}

function universeOf(document: CredentialDocument, fault: Fault): string {
  const universe = document.universe_domain ?? DEFAULT_UNIVERSE;
  if (typeof universe !== 'string' || !DOMAIN.test(universe)) {
    throw fault('universe_domain', 'is no domain name');
  }
  return universe;
}

/** Whoever could point an endpoint elsewhere would be sent assertions and tokens that they can use. */
function isGoogleEndpoint(url: URL, universe: string): boolean {
  const loopback = LOOPBACK.has(url.hostname);
  if (url.protocol === 'http:') {
    return loopback;
  }
  const google =
    url.hostname.endsWith(`.${universe}`) ||
    (universe === DEFAULT_UNIVERSE && url.hostname === 'accounts.google.com');
  return url.protocol === 'https:' && (google || loopback);
}

/**
 * Returns the address in `field`: https on a domain of the document's universe, or a stand-in on loopback.
 *
 * @throws {VendError} `credential_invalid`
 */
export function endpointField(document: CredentialDocument, field: string, fault: Fault): string {
  const universe = universeOf(document, fault);
  const text = textField(document, field, fault);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== '' || url.password !== '' || !isGoogleEndpoint(url, universe)) {
    // What the file says of its universe is a part of the secret's content, too.
    const place = universe === DEFAULT_UNIVERSE ? universe : 'its universe_domain';
    throw fault(field, `is no https address of Google's under ${place}; download the file again`);
  }
  return text;
}

/** Returns the document's token endpoint: its `token_uri`, or that of its universe. @throws {VendError} `credential_invalid` */
export function tokenUriOf(document: CredentialDocument, fault: Fault): string {
  return document.token_uri === undefined
    ? `${serviceOrigin(document, 'oauth2', fault)}/token`
    : endpointField(document, 'token_uri', fault);
}

/** A service of Google's, as its host is named in every universe. */
export type GoogleService = 'iamcredentials' | 'oauth2' | 'sts';

/** The fields of a document, of whatever type, that hold addresses of Google's. */
const ENDPOINT_FIELDS = ['token_uri', 'token_url', 'service_account_impersonation_url'] as const;

function loopbackOrigin(document: CredentialDocument): string | undefined {
  const urls = ENDPOINT_FIELDS.map((field) => document[field]).filter(
    (text): text is string => typeof text === 'string' && URL.canParse(text),
  );
  return urls
    .map((text) => new URL(text))
    .find(({ protocol, hostname }) => /^https?:$/.test(protocol) && LOOPBACK.has(hostname))?.origin;
}

/**
 * Returns the origin of one of Google's services for the document: its host in the document's universe. A document whose
 * own address is a stand-in on loopback has all of Google there.
 *
 * @throws {VendError} `credential_invalid`
 */
export function serviceOrigin(document: CredentialDocument, service: GoogleService, fault: Fault): string {
  return loopbackOrigin(document) ?? `https://${service}.${universeOf(document, fault)}`;
}
