import { sign } from 'node:crypto';
import { certificateToSign, sealCertificate } from '../../infra/certificate.ts';
import type { RsaKey } from './rsa-key.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** What a certificate says besides its key. */
export type CertificateOptions = {
  readonly commonName: string;
  /** Milliseconds since the epoch; the certificate holds from a day before for a year. */
  readonly nowMs: number;
  /** Host names and IPv4 addresses that a TLS client may reach it by. */
  readonly hosts?: readonly string[];
};

/**
 * Returns a self-signed X.509 certificate for `key`, PEM. Google publishes its public keys in this form, and its
 * Python and Node libraries read them from it.
 */
export function createCertificate(key: RsaKey, { nowMs, ...options }: CertificateOptions): string {
  const toBeSigned = certificateToSign({
    ...options,
    publicKey: key.publicKey.export({ type: 'spki', format: 'der' }),
    notBeforeMs: nowMs - DAY_MS,
    notAfterMs: nowMs + 365 * DAY_MS,
  });
  return sealCertificate(toBeSigned, sign('sha256', toBeSigned, key.privateKey));
}
