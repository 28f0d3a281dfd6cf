import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTokenHider } from '../lambda/call/hide-token.ts';
import { anyText } from './any-text.ts';

const part = (minLength: number, maxLength: number) =>
  fc.string({
    unit: fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'),
    minLength,
    maxLength,
  });
const jwt = fc
  .tuple(part(40, 120), part(80, 300), part(86, 342))
  .map(([header, payload, signature]) => `eyJ${header}.eyJ${payload}.${signature}`);

function percentEncode(text: string): string {
  return [...text].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('');
}

function escapeInJson(text: string): string {
  return [...text].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
}

const FORMS: readonly [string, (token: string) => string][] = [
  ['as it is', (token) => token],
  ['as a header', (token) => `Authorization: Bearer ${token}`],
  ['in JSON', (token) => JSON.stringify({ headers: { authorization: `Bearer ${token}` } })],
  ['in JSON inside of JSON', (token) => JSON.stringify(JSON.stringify({ a: token }))],
  ['escaped in JSON', escapeInJson],
  ['escaped in JSON inside of JSON', (token) => JSON.stringify(escapeInJson(token))],
  ['percent-encoded where it need not be', percentEncode],
  ['percent-encoded twice', (token) => percentEncode(token).replaceAll('%', '%25')],
  ['with escaped dots', (token) => token.replaceAll('.', '%2E').replaceAll('_', '&#95;')],
  ['in HTML', (token) => [...token].map((letter) => `&#x${letter.charCodeAt(0).toString(16)};`).join('')],
  ['in hexadecimal digits', (token) => Buffer.from(token).toString('hex')],
  ['in capital hexadecimal digits', (token) => Buffer.from(token).toString('hex').toUpperCase()],
  ['in Base64', (token) => Buffer.from(token).toString('base64')],
  ['in Base64 behind one letter', (token) => Buffer.from(`:${token}`).toString('base64')],
  ['in Base64 behind two', (token) => Buffer.from(`::${token}`).toString('base64url')],
  ['in Base64 of JSON', (token) => Buffer.from(JSON.stringify({ a: [token] })).toString('base64')],
  ['in lines of Base64', (token) => Buffer.from(token).toString('base64').replace(/.{76}/g, '$&\r\n')],
];

/** Returns what can be read out of a text by undoing what was done to it, again and again. */
function readings(text: string): string {
  const undo = [
    (shown: string) =>
      shown.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    (shown: string) =>
      shown.replace(/\\*u00([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    (shown: string) =>
      shown.replace(/&#(x?)([0-9a-f]+);/gi, (_, x, code) =>
        String.fromCharCode(Number.parseInt(code, x === '' ? 10 : 16)),
      ),
    (shown: string) => Buffer.from(shown.replace(/\s/g, ''), 'base64').toString('latin1'),
    (shown: string) => Buffer.from(shown, 'hex').toString('latin1'),
  ];
  const once = undo.map((one) => one(text));
  return [text, ...once, ...undo.flatMap((one) => once.map((shown) => one(shown)))].join('\n');
}

test.each(FORMS)('finds a token %s', (_, form) => {
  fc.assert(
    fc.property(jwt, anyText(), anyText(), (token, before, after) => {
      const text = Buffer.from(`${before} ${form(token)} ${after}`).toString('latin1');

      const shown = createTokenHider([token])(text);

      const read = readings(shown);
      expect(shown).toContain('[redacted]');
      expect(token.split('.').filter((piece) => read.includes(piece))).toEqual([]);
      expect(read).not.toContain(token.slice(-40));
    }),
    { numRuns: 50 },
  );
});

test('finds each part of a token, and the beginning of one that was cut off', () => {
  fc.assert(
    fc.property(jwt, fc.nat(1_000), (token, cut) => {
      const hide = createTokenHider([token]);
      const cutOff = token.slice(0, 40 + (cut % (token.length - 40)));

      const parts = token.split('.').map((piece) => hide(`<${piece}>`));

      expect(parts).toEqual(Array(3).fill('<[redacted]>'));
      expect(hide(`"${cutOff}"`)).toBe('"[redacted]"');
    }),
  );
});

test('changes nothing in a text that holds no token', () => {
  fc.assert(
    fc.property(jwt, anyText(400), part(0, 400), (token, text, letters) => {
      const hide = createTokenHider([token]);

      expect(hide(text + letters)).toBe(text + letters);
    }),
  );
});

test('takes out the token alone, and leaves JSON JSON', () => {
  fc.assert(
    fc.property(jwt, fc.string(), (token, text) => {
      const shown = createTokenHider([token])(JSON.stringify({ text, echo: `Bearer ${token}!` }));

      expect(JSON.parse(shown)).toEqual({ text, echo: 'Bearer [redacted]!' });
    }),
  );
});

test('finds all of the tokens that a call was made with', () => {
  fc.assert(
    fc.property(jwt, jwt, (one, other) => {
      expect(createTokenHider([one, other])(`${one} ${other}`)).toBe('[redacted] [redacted]');
    }),
  );
});

test('reads the largest answer in a time that grows with its length alone', () => {
  const token = `eyJ${'A'.repeat(300)}.eyJ${'B'.repeat(300)}.${'C'.repeat(342)}`;
  const hide = createTokenHider([token]);

  for (const text of ['A', '%25', '25', '\\', '\\u00', '&#0', '0', '%', 'eyJA.']) {
    const long = `%&#${text.repeat(Math.floor(262_140 / text.length))}`;

    expect(hide(long).length).toBeLessThanOrEqual(long.length);
  }
});
