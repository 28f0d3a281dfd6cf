import { type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { createCertificate } from './certificate.ts';
import type { RsaKey } from './rsa-key.ts';

const MIN_BITS = 1024;

/** A public key by which an account's signatures are known. */
export type AccountKey = {
  /** 40 hexadecimal digits. */
  readonly keyId: string;
  readonly publicKey: KeyObject;
  /** From when on it is known no more, in milliseconds since the epoch. */
  readonly endsAtMs: number;
  /** Returns the certificate, PEM, in which Google publishes it. */
  readonly certificate: (commonName: string, nowMs: number) => string;
};

/** Returns a key that Google made: it does not end by itself. */
export function generatedKey(key: RsaKey): AccountKey {
  return {
    keyId: key.keyId,
    publicKey: key.publicKey,
    endsAtMs: Number.POSITIVE_INFINITY,
    certificate: (commonName, nowMs) => createCertificate(key, { commonName, nowMs }),
  };
}

/**
 * Returns the key that its owner uploads the certificate of: `gcloud iam service-accounts keys upload`.
 *
 * @throws {Error} for what is no certificate of an RSA key that it is signed with, or is not good at `nowMs`
 * @see https://cloud.google.com/iam/docs/keys-upload
 */
export function uploadedKey(pem: string, nowMs: number): AccountKey {
  const certificate = new X509Certificate(pem);
  const { publicKey } = certificate;
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
  if (publicKey.asymmetricKeyType !== 'rsa' || bits < MIN_BITS || !certificate.verify(publicKey)) {
    throw new Error('The certificate is of no RSA key, or not signed with it');
  }
  const endsAtMs = Date.parse(certificate.validTo);
  if (Date.parse(certificate.validFrom) > nowMs || endsAtMs <= nowMs) {
    throw new Error(`The certificate is good from ${certificate.validFrom} to ${certificate.validTo} only`);
  }
  return { keyId: randomBytes(20).toString('hex'), publicKey, endsAtMs, certificate: () => pem };
}
