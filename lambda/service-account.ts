import { createSigner, type SignAssertion } from './assertion.ts';
import { type CredentialDocument, type Fault, textField, tokenUriOf } from './credential-document.ts';
import type { Fields } from './fields.ts';
import { type AnsweredToken, accessTokenOf, idTokenOf } from './token-answer.ts';
import type { OpenSource, SourceResult } from './token-source.ts';
import type { Grant } from './types.ts';

/** What is used of a key file. */
type ServiceAccountKey = {
  readonly clientEmail: string;
  readonly privateKeyId: string;
  readonly tokenUri: string;
};

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** Google accepts an hour between `iat` and `exp` at the most. */
const ASSERTION_SECONDS = 3600;
/** An assertion "from the future" is refused, and a clock that is a little fast is no reason to fail. */
const BACKDATE_SECONDS = 10;

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

/** For scopes that it does not recognise or that do not go together, Google answers 200 with the wrong token. */
function withoutToken(grant: Grant): SourceResult {
  const explanation =
    grant.kind === 'access_token'
      ? 'Google answered 200 without an access token: a scope is none that Google knows, or the scopes do not go together (openid, email or profile among others). Correct the scopes.'
      : 'Google answered 200 without an ID token for the audience.';
  return { outcome: 'refused', refusal: { cause: 'other', explanation }, clockCorrected: false };
}

function readToken(grant: Grant, fields: Fields, nowMs: number): AnsweredToken | undefined {
  return grant.kind === 'access_token' ? accessTokenOf(fields, nowMs) : idTokenOf(fields.id_token);
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
    const token = readToken(grant, result.fields, clock.googleMs());
    return token === undefined
      ? withoutToken(grant)
      : { outcome: 'granted', token: { ...token, principal: key.clientEmail }, googleMs: result.googleMs };
  };
};
