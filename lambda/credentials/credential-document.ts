import { VendError } from '../errors.ts';
import { type Fields, fieldsOf } from '../fields.ts';

/** The fields of a credential document. */
export type CredentialDocument = Fields;

/** Makes the error for a faulty document: which field is at fault (`undefined` for all of it), and what to do about it. */
export type Fault = (field: string | undefined, fix: string) => VendError;

export const DEFAULT_UNIVERSE = 'googleapis.com';
const DOMAIN = /^(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*$/;
const WEB = /^https?:$/;
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

/** Returns the domain that Google's services are under for the document. @throws {VendError} `credential_invalid` */
export function universeOf(document: CredentialDocument, fault: Fault): string {
  const universe = document.universe_domain ?? DEFAULT_UNIVERSE;
  if (typeof universe !== 'string' || !DOMAIN.test(universe)) {
    throw fault('universe_domain', 'is no domain name');
  }
  return universe;
}

/** A service of Google's, as its host is named in every universe. */
export type GoogleService = 'iamcredentials' | 'oauth2' | 'sts';

/** Where key files of earlier years have their token endpoint. */
const EARLIER_TOKEN_URIS: ReadonlySet<string> = new Set([
  'https://www.googleapis.com/oauth2/v4/token',
  'https://www.googleapis.com/oauth2/v3/token',
  'https://accounts.google.com/o/oauth2/token',
]);

/** What a service's address ends with; IAM Credentials' is judged by who reads it. */
const PATHS: Readonly<Record<GoogleService, RegExp>> = {
  oauth2: /^\/token$/,
  sts: /^\/v1\/token$/,
  iamcredentials: /^\/v1\//,
};

/**
 * Names under a universe's domain are not all Google's own: customers have theirs there, such as buckets. So the host is
 * the service's: `sts.googleapis.com`, with mTLS `sts.mtls.googleapis.com`, in a region `sts.REGION.rep.googleapis.com`.
 *
 * @see https://cloud.google.com/docs/authentication/identity-products#regional
 */
function isHostOf(service: GoogleService, hostname: string, universe: string): boolean {
  const domain = universe.replaceAll('.', '\\.');
  return new RegExp(`^${service}(?:\\.mtls|\\.[a-z0-9-]+\\.rep)?\\.${domain}$`).test(hostname);
}

/** Whoever could point an endpoint elsewhere would be sent assertions, proofs and tokens that they can use. */
function isEndpointOf(service: GoogleService, url: URL, universe: string): boolean {
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    return false;
  }
  if (LOOPBACK.has(url.hostname)) {
    return WEB.test(url.protocol);
  }
  const isEarlier = service === 'oauth2' && universe === DEFAULT_UNIVERSE && EARLIER_TOKEN_URIS.has(url.href);
  const isGoogle =
    url.protocol === 'https:' &&
    url.port === '' &&
    isHostOf(service, url.hostname, universe) &&
    PATHS[service].test(url.pathname);
  return isGoogle || isEarlier;
}

/**
 * Returns the address of `service` in `field`: https on the service's host in the document's universe, or a stand-in on
 * loopback.
 *
 * @throws {VendError} `credential_invalid`
 */
export function endpointField(
  document: CredentialDocument,
  field: string,
  service: GoogleService,
  fault: Fault,
): string {
  const universe = universeOf(document, fault);
  const text = textField(document, field, fault);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !isEndpointOf(service, url, universe)) {
    // What the file says of its universe is a part of the secret's content, too.
    const place =
      universe === DEFAULT_UNIVERSE ? `${service}.${universe}` : `${service} under its universe_domain`;
    throw fault(field, `is no https address of Google's, at ${place}; download the file again`);
  }
  return text;
}

/** Returns the document's token endpoint: its `token_uri`, or that of its universe. @throws {VendError} `credential_invalid` */
export function tokenUriOf(document: CredentialDocument, fault: Fault): string {
  return document.token_uri === undefined
    ? `${serviceOrigin(document, 'oauth2', fault)}/token`
    : endpointField(document, 'token_uri', 'oauth2', fault);
}

/** The field that holds the address of Google's by a document's type; all others have `token_uri`. */
const ENDPOINT_FIELDS: Readonly<Record<string, string>> = {
  external_account: 'token_url',
  impersonated_service_account: 'service_account_impersonation_url',
};

function loopbackOf(value: unknown): URL | undefined {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  return url !== undefined && WEB.test(url.protocol) && LOOPBACK.has(url.hostname) ? url : undefined;
}

/**
 * Returns the origin of one of Google's services for the document: its host in the document's universe. A document whose
 * own address is a stand-in on loopback has all of Google there.
 *
 * @throws {VendError} `credential_invalid`
 */
export function serviceOrigin(document: CredentialDocument, service: GoogleService, fault: Fault): string {
  const field = ENDPOINT_FIELDS[String(document.type)] ?? 'token_uri';
  return loopbackOf(document[field])?.origin ?? `https://${service}.${universeOf(document, fault)}`;
}

/**
 * Refuses a document with an address on loopback, where a deployed function has nothing of Google's, but Lambda's own
 * runtime API.
 *
 * @throws {VendError} `credential_invalid`
 */
export function refuseLoopback(document: CredentialDocument, fault: Fault): void {
  const source = fieldsOf(document.credential_source);
  const addresses = {
    ...document,
    'credential_source.regional_cred_verification_url': source.regional_cred_verification_url,
  };
  const found = Object.entries(addresses).find(([, value]) => loopbackOf(value) !== undefined);
  if (found !== undefined) {
    throw fault(found[0], 'is an address on this machine itself, which only a stand-in has');
  }
}
