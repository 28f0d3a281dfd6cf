import { createSigner, type SignClaims } from './assertion.ts';
import { createAssertionSource } from './assertion-source.ts';
import { type CredentialDocument, type Fault, textField, tokenUriOf } from './credential-document.ts';
import type { OpenSource } from './token-source.ts';

async function openPrivateKey(
  document: CredentialDocument,
  keyId: string,
  fault: Fault,
): Promise<SignClaims> {
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

/**
 * Returns the source for a service account's key file, as Google hands it out.
 *
 * @see https://cloud.google.com/iam/docs/keys-create-delete
 */
export const openServiceAccount: OpenSource = async (document, fault, dependencies) => {
  const clientEmail = textField(document, 'client_email', fault);
  const keyId = textField(document, 'private_key_id', fault);
  const tokenUri = tokenUriOf(document, fault);
  const signJwt = await openPrivateKey(document, keyId, fault);
  const sign = async (claims: Parameters<SignClaims>[0]) =>
    ({ outcome: 'signed', jwt: await signJwt(claims), googleMs: 0 }) as const;
  return createAssertionSource({ clientEmail, tokenUri, sign }, dependencies);
};
