import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCallHeaders } from '../lambda/call/call-headers.ts';
import { parseCallRequest } from '../lambda/call/call-request.ts';
import { VendError } from '../lambda/errors.ts';
import { anyText } from './any-text.ts';

const CALL = { url: 'https://a.run.app/x', method: 'POST' };

test('what is not said has its default', () => {
  expect(parseCallRequest({ url: CALL.url })).toEqual({
    url: new URL(CALL.url),
    audience: undefined,
    method: 'GET',
    headers: {},
    body: undefined,
    acceptStatuses: [],
    maxResponseBytes: 184_320,
    timeoutMs: 30_000,
  });
});

test.each<[string, unknown, string]>([
  ['no object', 'https://a.run.app', 'The event must be an object'],
  ['no URL', {}, 'url: a value of type undefined is not an https URL'],
  ['a field that is none', { ...CALL, follow: true }, '"follow" is not a field of a call'],
  ['an audience that is none', { ...CALL, audience: 'x' }, 'audience: "x" is neither'],
  ['a list as headers', { ...CALL, headers: [] }, 'headers: a list is not an object'],
  ['a header twice', { ...CALL, headers: { A: '1', a: '2' } }, 'headers: a is there twice'],
  ['a header of an object', { ...CALL, headers: { a: {} } }, 'the value of a is not a text'],
  [
    'too many headers',
    { ...CALL, headers: Object.fromEntries([...Array(51)].map((_, i) => [`h${i}`, ''])) },
    'there may be 50',
  ],
  [
    'headers that are too long',
    { ...CALL, headers: { a: 'x'.repeat(8_192) } },
    'there may be 50, of 8192 bytes',
  ],
  ['a text as query', { ...CALL, query: 'a=b' }, 'query: "a=b" is not an object'],
  ['an object in the query', { ...CALL, query: { a: {} } }, 'query: "a" is neither a text'],
  ['null in the query', { ...CALL, query: { a: [null] } }, 'query: "a" is neither a text'],
  ['a query that is too long', { ...CALL, query: { a: 'x'.repeat(9_000) } }, 'longer than 8192 characters'],
  ['a number as body', { ...CALL, body: 7 }, 'body: a value of type number'],
  ['too much body', { ...CALL, body: 'x'.repeat(262_145) }, 'body: there is more than 262144 bytes'],
  ['a status that is no number', { ...CALL, acceptStatuses: ['404'] }, 'acceptStatuses'],
  ['no time at all', { ...CALL, timeoutSeconds: 0 }, 'timeoutSeconds: 0 is not a whole number from 1 to 895'],
  ['a size in words', { ...CALL, maxResponseBytes: '1' }, 'maxResponseBytes: "1" is not a whole number'],
])('refuses %s', (_, event, message) => {
  expect(() => parseCallRequest(event)).toThrow(VendError);
  expect(() => parseCallRequest(event)).toThrow(message);
});

test.each([
  'Authorization',
  'authorization',
  'X-Serverless-Authorization',
  'Proxy-Authorization',
  'Host',
  'Connection',
  'Keep-Alive',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'Content-Length',
  'Expect',
  'Accept-Encoding',
])('the header %s is not a call’s to set', (name) => {
  expect(() => parseCallHeaders({ [name]: 'x' })).toThrow(`${name} cannot be set`);
});

test('no header, whatever it is, has a line of another inside, or says who calls', () => {
  fc.assert(
    fc.property(anyText(), anyText(), (name, value) => {
      const headers = (() => {
        try {
          return parseCallHeaders({ [name]: value });
        } catch (error) {
          expect(error).toBeInstanceOf(VendError);
          return {};
        }
      })();

      for (const [key, text] of Object.entries(headers)) {
        expect(`${key}${text}`).toMatch(/^[\t\x20-\x7e]+$/);
        expect(key).toMatch(/^[^\s:A-Z]+$/);
        expect(() => new Headers({ [key]: text })).not.toThrow();
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a query changes nothing of a URL but its query, and says what it was given', () => {
  fc.assert(
    fc.property(fc.dictionary(anyText(), fc.string({ unit: 'grapheme' })), (query) => {
      const { url } = parseCallRequest({ url: `${CALL.url}?q=1`, query });

      expect(url.href.split('?')[0]).toBe(CALL.url);
      expect(url.hash).toBe('');
      expect([...url.searchParams].slice(1)).toEqual(
        Object.entries(query).map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]),
      );
    }),
  );
});

test('anything that is no call is refused in the vendor’s own words', () => {
  fc.assert(
    fc.property(fc.anything(), (event) => {
      try {
        parseCallRequest(event);
      } catch (error) {
        expect(error).toBeInstanceOf(VendError);
      }
    }),
  );
});
