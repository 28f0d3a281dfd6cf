import { createSigner, idTokenExpiresAtMs, type SignAssertion } from './assertion.ts';
import type { CredentialDocument, Fault, OpenSource, SourceResult } from './token-source.ts';
import type { Grant, Token } from './types.ts';

/** What is used of a key file. */
type ServiceAccountKey = {
  readonly clientEmail: string;
  readonly privateKeyId: string;
  readonly tokenUri: string;
};

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const DEFAULT_UNIVERSE = 'googleapis.com';
const DOMAIN = /^(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*$/;
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** Google accepts an hour between `iat` and `exp` at the most. */
const ASSERTION_SECONDS = 3600;
/** Google grants 12 hours at the most; whatever says more is not to be believed. */
const MAX_LIFE_SECONDS = 43_200;
/** An assertion "from the future" is refused, and a clock that is a little fast is no reason to fail. */
const BACKDATE_SECONDS = 10;

function textField(document: CredentialDocument, field: string, fault: Fault): string {
  const value = document[field];
  if (typeof value !== 'string' || value === '') {
    throw fault(field, 'is missing or no string; store the key file exactly as Google gave it');
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

/** Whoever could point `token_uri` elsewhere would be sent assertions that they can exchange. */
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

function tokenUriOf(document: CredentialDocument, fault: Fault): string {
  const universe = universeOf(document, fault);
  if (document.token_uri === undefined) {
    return `https://oauth2.${universe}/token`;
  }
  const tokenUri = textField(document, 'token_uri', fault);
  const url = URL.canParse(tokenUri) ? new URL(tokenUri) : undefined;
  if (url === undefined || url.username !== '' || url.password !== '' || !isGoogleEndpoint(url, universe)) {
    // What the file says of its universe is a part of the secret's content, too.
    const place = universe === DEFAULT_UNIVERSE ? universe : 'its universe_domain';
    throw fault('token_uri', `is no https address of Google's under ${place}; download the key file again`);
  }
  return tokenUri;
}

async function openPrivateKey(
  document: CredentialDocument,
  keyId: string,
  fault: Fault,
): Promise<SignAssertion> {
  const pem = textField(document, 'private_key', fault);
  if (pem.includes('\\n')) {
    throw fault(
      'private_key',
      'has the two characters \\n where line breaks belong: it was escaped twice; store the key file as it is',
    );
  }
  if (!pem.includes('-----BEGIN PRIVATE KEY-----') || !pem.includes('-----END PRIVATE KEY-----')) {
    throw fault(
      'private_key',
      'has no whole -----BEGIN PRIVATE KEY----- block; store the key file exactly as Google gave it',
    );
  }
  try {
    return await createSigner(pem, keyId);
  } catch {
    // The cause may quote the key.
    throw fault('private_key', 'holds no readable RSA key; download a new key file');
  }
}

function claimsFor(grant: Grant): Readonly<Record<string, string>> {
  return grant.kind === 'access_token' ? { scope: grant.scopes } : { target_audience: grant.audience };
}

type Lifetime = Omit<Token, 'principal'>;

function accessTokenOf(fields: CredentialDocument, nowMs: number): Lifetime | undefined {
  const { access_token: value, expires_in: seconds } = fields;
  return typeof value === 'string' && value !== '' && typeof seconds === 'number' && seconds > 0
    ? { value, expiresAtMs: nowMs + Math.min(seconds, MAX_LIFE_SECONDS) * 1000 }
    : undefined;
}

function idTokenOf(fields: CredentialDocument): Lifetime | undefined {
  const { id_token: value } = fields;
  const expiresAtMs = typeof value === 'string' ? idTokenExpiresAtMs(value) : undefined;
  return typeof value === 'string' && expiresAtMs !== undefined ? { value, expiresAtMs } : undefined;
}

/** For scopes that it does not recognise or that do not go together, Google answers 200 with the wrong token. */
function withoutToken(grant: Grant): SourceResult {
  const explanation =
    grant.kind === 'access_token'
      ? 'Google answered 200 without an access token: a scope is none that Google knows, or the scopes do not go together (openid, email or profile among others). Correct the scopes.'
      : 'Google answered 200 without an ID token for the audience.';
  return { outcome: 'refused', refusal: { cause: 'other', explanation }, clockCorrected: false };
}

function readTokens(grant: Grant, fields: CredentialDocument, nowMs: number): Lifetime | undefined {
  return grant.kind === 'access_token' ? accessTokenOf(fields, nowMs) : idTokenOf(fields);
}

/**
 * Returns the source for a service account's key file, as Google hands it out: an assertion signed with the key is
 * exchanged at its `token_uri`, which is also the assertion's audience.
 *
 * @see https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 * @see https://cloud.google.com/iam/docs/keys-create-delete
 */
export const openServiceAccount: OpenSource = async (document, fault, { exchange, clock }) => {
  const key: ServiceAccountKey = {
    clientEmail: textField(document, 'client_email', fault),
    privateKeyId: textField(document, 'private_key_id', fault),
    tokenUri: tokenUriOf(document, fault),
  };
  const sign = await openPrivateKey(document, key.privateKeyId, fault);
  const url = new URL(key.tokenUri);

  return async (grant, deadlineMs) => {
    const offsetMs = clock.offsetMs();
    const iat = Math.floor(clock.googleMs() / 1000) - BACKDATE_SECONDS;
    const claims = { iss: key.clientEmail, aud: key.tokenUri, iat, exp: iat + ASSERTION_SECONDS };
    const assertion = await sign({ ...claims, ...claimsFor(grant) });
    const result = await exchange(url, { grant_type: GRANT_TYPE, assertion }, deadlineMs);
    if (result.outcome === 'refused') {
      return { ...result, clockCorrected: clock.offsetMs() !== offsetMs };
    }
    const token = readTokens(grant, result.fields, clock.googleMs());
    return token === undefined
      ? withoutToken(grant)
      : { outcome: 'granted', token: { ...token, principal: key.clientEmail }, googleMs: result.googleMs };
  };
};
