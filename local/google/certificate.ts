import { randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import type { RsaKey } from './rsa-key.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;
const CONTEXT_0 = 0xa0;
const CONTEXT_3 = 0xa3;
const SAN_DNS_NAME = 0x82;
const SAN_IP_ADDRESS = 0x87;

/** Object identifiers and NULL, as they are encoded. */
const SHA256_WITH_RSA = Buffer.from('06092a864886f70d01010b0500', 'hex');
const COMMON_NAME = Buffer.from('0603550403', 'hex');
const SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex');
const VERSION_3 = Buffer.from([2]);

function encodeLength(length: number): Buffer {
  if (length < 0x80) {
    return Buffer.from([length]);
  }
  return length < 0x100 ? Buffer.from([0x81, length]) : Buffer.from([0x82, length >> 8, length & 0xff]);
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), encodeLength(content.length), content]);
}

function bitString(bytes: Uint8Array): Buffer {
  return der(BIT_STRING, Buffer.from([0]), bytes);
}

function utcTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().slice(2, 19).replace(/\D/g, '');
  return der(UTC_TIME, Buffer.from(`${digits}Z`));
}

function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  // Positive, and in the shortest form: the first byte is neither negative nor zero.
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return der(INTEGER, bytes);
}

function altNames(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) =>
    isIP(host) === 4
      ? der(SAN_IP_ADDRESS, Buffer.from(host.split('.').map(Number)))
      : der(SAN_DNS_NAME, Buffer.from(host)),
  );
  return der(
    CONTEXT_3,
    der(SEQUENCE, der(SEQUENCE, SUBJECT_ALT_NAME, der(OCTET_STRING, der(SEQUENCE, ...names)))),
  );
}

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
 *
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 */
export function createCertificate(key: RsaKey, options: CertificateOptions): string {
  const { commonName, nowMs, hosts = [] } = options;
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName)))));
  const algorithm = der(SEQUENCE, SHA256_WITH_RSA);
  const content = der(
    SEQUENCE,
    der(CONTEXT_0, der(INTEGER, VERSION_3)),
    serialNumber(),
    algorithm,
    name,
    der(SEQUENCE, utcTime(nowMs - DAY_MS), utcTime(nowMs + 365 * DAY_MS)),
    name,
    key.publicKey.export({ type: 'spki', format: 'der' }),
    ...(hosts.length === 0 ? [] : [altNames(hosts)]),
  );
  const signature = sign('sha256', content, key.privateKey);
  const encoded = der(SEQUENCE, content, algorithm, bitString(signature)).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${encoded.replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}
