import { createPublicKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CertificateContent, certificateToSign, sealCertificate } from '../infra/certificate.ts';
import { createCertificate } from '../local/google/certificate.ts';
import { needTool, runTool } from './optional-tool.ts';

// Keys take a tenth of a second to make, and a long one a second.
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const long = generateKeyPairSync('rsa', { modulusLength: 4096 });
const spki = publicKey.export({ type: 'spki', format: 'der' });

const CONTENT: CertificateContent = {
  publicKey: spki,
  commonName: 'unused',
  notBeforeMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  notAfterMs: Date.UTC(2027, 0, 2, 3, 4, 5),
};

function certify(content: Partial<CertificateContent> = {}): string {
  const toBeSigned = certificateToSign({ ...CONTENT, ...content });
  return sealCertificate(toBeSigned, sign('sha256', toBeSigned, privateKey));
}

/** One after the other, a tag, a length and the digits: UTCTime or GeneralizedTime. */
const TIMES = /(170d(?:3\d){12}5a|180f(?:3\d){14}5a)(170d(?:3\d){12}5a|180f(?:3\d){14}5a)/;

/** Returns notBefore and notAfter as they are encoded, each with the name of its form. */
function timesOf(content: Partial<CertificateContent>): readonly string[] {
  const hex = certificateToSign({ ...CONTENT, ...content }).toString('hex');
  const times = TIMES.exec(hex)?.slice(1) ?? [];
  return times.map((time) => {
    const form = time.startsWith('17') ? 'UTCTime' : 'GeneralizedTime';
    return `${form} ${Buffer.from(time.slice(4), 'hex')}`;
  });
}

test('makes certificates that Node reads as they were meant, and that hold for their key alone', () => {
  const year9999 = Date.UTC(9999, 11, 31, 23, 59, 59);
  const time = fc.integer({ min: Date.UTC(1950, 0, 1), max: year9999 });
  const commonName = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 64 });

  fc.assert(
    fc.property(commonName, time, time, (name, notBeforeMs, notAfterMs) => {
      const certificate = new X509Certificate(certify({ commonName: name, notBeforeMs, notAfterMs }));

      expect(certificate.toLegacyObject().subject.CN).toBe(name);
      expect(certificate.issuer).toBe(certificate.subject);
      expect(certificate.validFromDate.getTime()).toBe(Math.floor(notBeforeMs / 1000) * 1000);
      expect(certificate.validToDate.getTime()).toBe(Math.floor(notAfterMs / 1000) * 1000);
      expect(certificate.publicKey.equals(publicKey)).toBe(true);
      expect(certificate.verify(publicKey)).toBe(true);
      expect(certificate.verify(long.publicKey)).toBe(false);
    }),
    { numRuns: 200 },
  );
});

test('a certificate that says anything else than what was signed does not verify', () => {
  const toBeSigned = certificateToSign(CONTENT);
  const signature = sign('sha256', toBeSigned, privateKey);
  const other = certificateToSign({ ...CONTENT, notAfterMs: CONTENT.notAfterMs + 1_000 });

  expect(new X509Certificate(sealCertificate(toBeSigned, signature)).verify(publicKey)).toBe(true);
  expect(new X509Certificate(sealCertificate(other, signature)).verify(publicKey)).toBe(false);
});

test('has a key of 4,096 bits in it as well as one of 2,048', () => {
  const toBeSigned = certificateToSign({
    ...CONTENT,
    publicKey: long.publicKey.export({ type: 'spki', format: 'der' }),
  });

  const certificate = new X509Certificate(
    sealCertificate(toBeSigned, sign('sha256', toBeSigned, long.privateKey)),
  );

  expect(certificate.publicKey.equals(long.publicKey)).toBe(true);
  expect(certificate.verify(long.publicKey)).toBe(true);
});

test.for([
  ['the first second that there is', Date.UTC(1950, 0, 1), 'UTCTime 500101000000Z'],
  ['the last second of 1999', Date.UTC(1999, 11, 31, 23, 59, 59), 'UTCTime 991231235959Z'],
  ['the first second of 2000', Date.UTC(2000, 0, 1), 'UTCTime 000101000000Z'],
  ['the last millisecond of 2049', Date.UTC(2050, 0, 1) - 1, 'UTCTime 491231235959Z'],
  ['the first second of 2050', Date.UTC(2050, 0, 1), 'GeneralizedTime 20500101000000Z'],
  ['the last second that there is', Date.UTC(9999, 11, 31, 23, 59, 59), 'GeneralizedTime 99991231235959Z'],
] as const)('writes %s in the form that RFC 5280 has for its year', ([, ms, expected]) => {
  expect(timesOf({ notBeforeMs: ms, notAfterMs: ms })).toEqual([expected, expected]);
});

test('writes the two times of one certificate each in its own form', () => {
  const times = timesOf({ notBeforeMs: Date.UTC(2049, 6, 1), notAfterMs: Date.UTC(2050, 6, 1) });

  expect(times).toEqual(['UTCTime 490701000000Z', 'GeneralizedTime 20500701000000Z']);
});

test.for([
  ['before 1950', Date.UTC(1950, 0, 1) - 1],
  ['after 9999', Date.UTC(10_000, 0, 1)],
  ['that is none', Number.NaN],
] as const)('refuses a time %s', ([, ms]) => {
  expect(() => certificateToSign({ ...CONTENT, notBeforeMs: ms })).toThrow(RangeError);
  expect(() => certificateToSign({ ...CONTENT, notAfterMs: ms })).toThrow(RangeError);
});

test('gives each certificate a positive serial number of its own', () => {
  const serials = Array.from({ length: 200 }, () => new X509Certificate(certify()).serialNumber);

  expect(new Set(serials).size).toBe(200);
  // 16 bytes, the first of them from 40 to 7f: no sign, and no padding.
  expect(serials.filter((serial) => !/^[4-7][0-9A-F]{31}$/.test(serial))).toEqual([]);
});

test.for([1, 42, 43, 63, 64, 84, 85, 200, 300])('holds names of %i letters of three bytes', (letters) => {
  // DER has one form of length up to 127 bytes, one up to 255 and one up to 65,535, at every level.
  const commonName = '鍵'.repeat(letters);
  const host = `${'a'.repeat(3 * letters)}.example`;

  const certificate = new X509Certificate(certify({ commonName, hosts: [host] }));

  expect(certificate.toLegacyObject().subject.CN).toBe(commonName);
  expect(certificate.subjectAltName).toBe(`DNS:${host}`);
});

test('names hosts and addresses only where they are given, however many', () => {
  const hosts = Array.from({ length: 3_000 }, (_, index) => `host-${index}.a-domain-of-some-length.example`);
  const plain = new X509Certificate(certify());
  const server = new X509Certificate(certify({ hosts: [...hosts, '127.0.0.1'] }));

  expect(plain.subjectAltName).toBeUndefined();
  expect(server.checkHost(hosts[2_999] ?? '')).toBe(hosts[2_999]);
  expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(server.verify(publicKey)).toBe(true);
});

test('is PEM in lines of 64 characters', () => {
  const pem = certify();

  expect(pem).toMatch(
    /^-----BEGIN CERTIFICATE-----\n(?:[A-Za-z0-9+/]{64}\n)+[A-Za-z0-9+/=]{1,64}\n-----END CERTIFICATE-----\n$/,
  );
  expect(new X509Certificate(pem).toString()).toBe(pem);
});

test('serves a key in memory: from a day before for a year', () => {
  const nowMs = Date.UTC(2026, 5, 1);

  const certificate = new X509Certificate(
    createCertificate({ keyId: 'a', privateKey, publicKey }, { commonName: 'google', nowMs }),
  );

  expect(certificate.subject).toBe('CN=google');
  expect(certificate.validFromDate.toISOString()).toBe('2026-05-31T00:00:00.000Z');
  expect(certificate.validToDate.toISOString()).toBe('2027-06-01T00:00:00.000Z');
  expect(certificate.verify(createPublicKey(privateKey))).toBe(true);
});

test('is for OpenSSL a certificate of version 3 with SHA-256 and RSA, and its own issuer', async (context) => {
  await needTool(context, 'openssl', ['version']);
  const folder = await mkdtemp(join(tmpdir(), 'certificate-'));
  context.onTestFinished(() => rm(folder, { recursive: true }));
  // OpenSSL asks the clock, and knows the later form of time.
  const notAfterMs = Date.UTC(2051, 0, 2, 3, 4, 5);
  const pem = certify({ notAfterMs, notBeforeMs: Date.now() - 60_000 });
  const [good, broken] = [join(folder, 'good.pem'), join(folder, 'broken.pem')];
  await writeFile(good, pem);
  const toBeSigned = certificateToSign({ ...CONTENT, notAfterMs, notBeforeMs: Date.now() - 60_000 });
  await writeFile(broken, sealCertificate(toBeSigned, sign('sha256', spki, privateKey)));

  const shown = await runTool('openssl', ['x509', '-in', good, '-noout', '-text']);
  const [verified, refused] = await Promise.all(
    [good, broken].map((file) => runTool('openssl', ['verify', '-check_ss_sig', '-CAfile', file, file])),
  );

  expect(shown.stdout).toContain('Version: 3 (0x2)');
  expect(shown.stdout.match(/Signature Algorithm: sha256WithRSAEncryption/g)).toHaveLength(2);
  expect(shown.stdout).toContain('Public-Key: (2048 bit)');
  expect(shown.stdout).toMatch(/Subject: CN ?= ?unused/);
  expect(shown.stdout).toMatch(/Not After ?: Jan {2}2 03:04:05 2051 GMT/);
  expect(shown.stdout).not.toContain('X509v3 extensions');
  expect(verified?.status, verified?.stderr).toBe(0);
  expect(refused?.status).not.toBe(0);
});
