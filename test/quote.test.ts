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
