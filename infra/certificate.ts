import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
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
const VERSION_3 = Buffer.of(2);

function encodeLength(length: number): Buffer {
  if (length < 0x80) {
    return Buffer.of(length);
  }
  const digits = length.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes]);
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(tag), encodeLength(content.length), content]);
}

const ALGORITHM = der(SEQUENCE, SHA256_WITH_RSA);

/** UTCTime has two digits for the year, of which RFC 5280 makes 1950 to 2049. */
function time(ms: number): Buffer {
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  if (!(year >= 1950 && year <= 9999)) {
    throw new RangeError(`A certificate cannot hold the time ${ms}: it must be in the years 1950 to 9999.`);
  }
  const digits = `${date.toISOString().slice(0, 19).replace(/\D/g, '')}Z`;
  return year < 2050
    ? der(UTC_TIME, Buffer.from(digits.slice(2)))
    : der(GENERALIZED_TIME, Buffer.from(digits));
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

/** What a self-signed certificate says. */
export type CertificateContent = {
  /** An RSA key, as the DER of its SubjectPublicKeyInfo: what Node exports as `spki`, and KMS gives. */
  readonly publicKey: Uint8Array;
  /** The subject and the issuer; RFC 5280 allows 64 characters, which some readers hold it to. */
  readonly commonName: string;
  /** Milliseconds since the epoch, of which whole seconds remain; the years 1950 to 9999. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Host names and IPv4 addresses that a TLS client may reach it by; none: the certificate has no extension at all. */
  readonly hosts?: readonly string[];
};

/**
 * Returns what the certificate's key has to sign, with SHA-256 and PKCS #1 v1.5: a TBSCertificate of version 3 in DER, with
 * a serial number of its own at each call.
 *
 * @throws {RangeError} for a time that a certificate cannot hold
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5 for the two forms of time
 */
export function certificateToSign(content: CertificateContent): Buffer {
  const { publicKey, commonName, notBeforeMs, notAfterMs, hosts = [] } = content;
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName)))));
  return der(
    SEQUENCE,
    der(CONTEXT_0, der(INTEGER, VERSION_3)),
    serialNumber(),
    ALGORITHM,
    name,
    der(SEQUENCE, time(notBeforeMs), time(notAfterMs)),
    name,
    publicKey,
    ...(hosts.length === 0 ? [] : [altNames(hosts)]),
  );
}

/**
 * Returns the certificate, PEM, of what `certificateToSign` gave and its key's signature. Whoever signs may take their time:
 * a key in memory signs at once, and one in KMS is asked in between.
 */
export function sealCertificate(toBeSigned: Uint8Array, signature: Uint8Array): string {
  const encoded = der(SEQUENCE, toBeSigned, ALGORITHM, der(BIT_STRING, Buffer.of(0), signature));
  const lines = encoded.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
