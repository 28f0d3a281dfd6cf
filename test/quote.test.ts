import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quote, redact } from '../lambda/quote.ts';
import { anyText } from './any-text.ts';

test('puts text in quotation marks, and escapes those in it', () => {
  expect(quote('a "b" \\c')).toBe('"a \\"b\\" \\\\c"');
});

test.each([
  [null, 'null'],
  [['a'], 'a list'],
  [{ a: 1 }, 'a value of type object'],
  [7, 'a value of type number'],
  [true, 'a value of type boolean'],
  [undefined, 'a value of type undefined'],
])('names only the kind of %j', (value, shown) => {
  expect(quote(value)).toBe(shown);
});

test('cuts after 120 characters', () => {
  expect(quote('a.'.repeat(60))).toBe(`"${'a.'.repeat(60)}"`);
  expect(quote(`${'a.'.repeat(60)}b`)).toBe(`"${'a.'.repeat(60)}…"`);
});

test.each([
  ['\n', '\\n'],
  ['\u0000', '\\u0000'],
  ['\u001b[31m', '\\u001b[31m'],
  ['\u007f', '\\u007f'],
  ['\u009b31m', '\\u009b31m'],
  ['\u2028', '\\u2028'],
  ['\u202e', '\\u202e'],
])('escapes %j', (text, shown) => {
  expect(quote(text)).toBe(`"${shown}"`);
});

test('what it shows can be read back by JSON, up to where it was cut', () => {
  fc.assert(
    fc.property(anyText(120), (text) => {
      fc.pre(redact(text) === text && text.length <= 120);

      expect(JSON.parse(quote(text))).toBe(text);
    }),
    { numRuns: 100 },
  );
});

test.each([
  ['a JWT', 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ2In0.c2ln'],
  ['a bare part of a JWT', 'eyJpc3MiOiJ2ZW5kb3IifQ'],
  ['an access token', 'ya29.c.b0AXv0zTPq-abc_123'],
  ['a refresh token', '1//0gabcdefghijklmnop'],
  ['an AWS key id', 'AKIAIOSFODNN7EXAMPLE'],
  ['a temporary AWS key id', 'ASIAIOSFODNN7EXAMPLE'],
  ['a private key', '-----BEGIN PRIVATE KEY-----\nMIIE\nvQIB\n-----END PRIVATE KEY-----\nafter'],
])('leaves %s out', (_what, secret) => {
  expect(redact(`before ${secret}`)).toBe('before [redacted]');
  expect(quote(`${'x'.repeat(110)} ${secret}`)).not.toContain(secret.slice(0, 6));
});

const SESSION_TOKEN = `IQoJb3JpZ2luX2VjEJr//////////wEaCWV1LXdlc3QtMSJHMEUCIQ${'aB3+/'.repeat(20)}==`;
const SIGNATURE = '0123456789abcdef'.repeat(4);
const KMS_SIGNATURE = `${'kQ9/+'.repeat(68)}Aw==`;
const SIGNED_REQUEST = JSON.stringify({
  url: 'https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
  method: 'POST',
  headers: [
    { key: 'x-goog-cloud-target-resource', value: '//iam.googleapis.com/projects/1/x' },
    { key: 'host', value: 'sts.eu-west-1.amazonaws.com' },
    { key: 'x-amz-security-token', value: 'local//session+token==' },
    {
      key: 'authorization',
      value: `AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/20260101/eu-west-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=${SIGNATURE}`,
    },
  ],
});

test.each([
  ['an AWS session token', SESSION_TOKEN],
  ['an AWS session token of an older kind', `FwoGZXIvYXdzE${'aB3+/'.repeat(20)}`],
  ['an AWS session token of the first kind', `FQoGZXIvYXdzE${'aB3+/'.repeat(20)}=`],
  ['an AWS session token, percent-encoded', encodeURIComponent(SESSION_TOKEN)],
  ['a header with a session token of no known kind', 'X-Amz-Security-Token: local//session+token=='],
  ['a parameter with a session token of no known kind', 'X-Amz-Security-Token=local%2F%2Fsession'],
  ['a member with a session token', '"x-amz-security-token":"local//session+token=='],
  ['a signature of AWS’s', `Signature=${SIGNATURE}`],
  ['a signature in a query', `X-Amz-Signature=${SIGNATURE}`],
  ['a signature of KMS’s', `"Signature":"${KMS_SIGNATURE}`],
  ['a signed request, percent-encoded', encodeURIComponent(SIGNED_REQUEST)],
  ['a signed request, percent-encoded in small letters', encodeURIComponent(SIGNED_REQUEST).toLowerCase()],
  ['a signed request, percent-encoded twice', encodeURIComponent(encodeURIComponent(SIGNED_REQUEST))],
  ['a federated token', 'ya29.d.b0Aaekm1Kabc_DEF-123'],
])('leaves out %s', (_what, secret) => {
  expect(redact(`before ${secret} after`)).toBe('before [redacted] after');
  expect(redact(`before:${secret}`)).toBe('before:[redacted]');
});

test('leaves of a signed request, as Google reads it, nothing that anybody could send', () => {
  const shown = redact(SIGNED_REQUEST);

  expect(shown).toContain('GetCallerIdentity');
  expect(shown).not.toMatch(/session\+token|0123456789abcdef/);
});

test('leaves out what AWS’s errors repeat of a request', () => {
  const canonical = `POST\n/\n\nhost:sts.amazonaws.com\nx-amz-date:20260101T000000Z\nx-amz-security-token:local//session+token==\n\nhost;x-amz-date\ne3b0c442`;

  expect(redact(`The Canonical String for this request should have been '${canonical}'`)).not.toContain(
    'session+token',
  );
});

test.each([
  'Invalid JWT Signature.',
  'SignatureDoesNotMatch',
  'the signature: it is wrong',
  'its X-Amz-Security-Token is missing',
  'x-amz-security-token, host and x-amz-date must be signed',
  'IQoJ',
  'FwoG is short',
  'https://example.com/?a=%7B',
  'signature=none',
])('leaves %j as it is, which holds no secret', (text) => {
  expect(redact(text)).toBe(text);
});

test('takes no more time for a text that is made to make it backtrack', () => {
  const parts = [
    'IQoJ',
    'x-amz-security-token',
    'signature="',
    'Signature=',
    '%7B%22',
    'eyJ',
    'x-amz-security-token"value',
  ];
  const fillers = ['a', '"', ':', '=', '%', ',', ' ', 'value', 'a%2F'];
  const texts = parts.flatMap((part) => [
    part.repeat(100_000 / part.length),
    ...fillers.map((filler) => part + filler.repeat(100_000 / filler.length)),
    ...fillers.map((filler) => `${part}${filler}`.repeat(100_000 / (part.length + filler.length))),
  ]);
  const start = performance.now();

  const shown = texts.map(redact);

  expect(shown).toHaveLength(texts.length);
  // Only work that grows with more than the length takes longer than this for thirteen megabytes.
  expect(performance.now() - start).toBeLessThan(10_000);
});

test('leaves out every secret of a text', () => {
  expect(redact('ya29.a ya29.b')).toBe('[redacted] [redacted]');
});

test.each([
  'https://example.com/eye',
  'ya29',
  'BEGIN PRIVATE KEY',
  'https://a.b/1/0',
  'arn:aws:iam::1:role/AKI',
])('leaves %s as it is', (text) => {
  expect(redact(text)).toBe(text);
});

test.each([
  ['an AWS secret key', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'],
  ['a line of a PEM block without its header', 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDE'],
  ['an OAuth client secret', 'GOCSPX-abc_DEF-123'],
  ['an API key', 'AIzaSyA1234567890abcdefghijklmnop'],
])('does not show %s', (_what, secret) => {
  expect(quote(`a ${secret} b`)).toBe('"a [redacted] b"');
});

test('shows a long audience', () => {
  const audience = 'https://orders-service-of-the-reporting-team-abc123-ew.a.run.app/v1/things';

  expect(quote(audience)).toBe(JSON.stringify(audience));
});
