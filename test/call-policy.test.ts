import fc from 'fast-check';
import { expect, test } from 'vitest';
import { authorizeCall } from '../lambda/call/authorize-call.ts';
import { parseCallUrl, prefixesOf } from '../lambda/call/call-url.ts';
import { VendError } from '../lambda/errors.ts';
import { type Profile, parseProfiles } from '../lambda/policy/profiles.ts';
import { anyText } from './any-text.ts';

const CLIENT_ID = '1234-abc.apps.googleusercontent.com';
const FUNCTION = 'https://eu-p.cloudfunctions.net/hello';

function profileOf(...audiences: readonly string[]): Profile {
  const [profile] = parseProfiles({ p: { audiences } }).values();
  if (profile === undefined) {
    throw new Error('there is no profile');
  }
  return profile;
}

/** The audience of the token that a call gets; `undefined` if it gets none. */
function granted(profile: Profile, text: string, audience?: string): string | undefined {
  const url = parseCallUrl(text);
  if (url === undefined) {
    return undefined;
  }
  try {
    return authorizeCall(profile, { url, audience }).audience;
  } catch (error) {
    if (error instanceof VendError && error.code === 'access_denied') {
      return undefined;
    }
    throw error;
  }
}

const RUN = 'https://a.run.app';

test.each<[string, readonly string[], string, string | undefined, string | undefined]>([
  ['a service by its origin', [RUN], `${RUN}/users/7?x=1`, undefined, RUN],
  ['a function by its name', [FUNCTION], `${FUNCTION}/a`, undefined, FUNCTION],
  ['another function of the host', [FUNCTION], 'https://eu-p.cloudfunctions.net/other', undefined, undefined],
  ['a longer name', [FUNCTION], `${FUNCTION}2`, undefined, undefined],
  ['any function', ['https://eu-p.cloudfunctions.net/*'], `${FUNCTION}/a`, undefined, FUNCTION],
  ['another host', [RUN], 'https://b.run.app/', undefined, undefined],
  ['a host that begins alike', [RUN], 'https://a.run.app.evil.example/', undefined, undefined],
  ['a host that ends alike', [RUN], 'https://evil-a.run.app/', undefined, undefined],
  ['another port', [RUN], 'https://a.run.app:8443/', undefined, undefined],
  ['IAP by its client id', [CLIENT_ID, RUN], `${RUN}/a`, CLIENT_ID, CLIENT_ID],
  ['IAP at a host that is not named', [CLIENT_ID], `${RUN}/a`, CLIENT_ID, undefined],
  ['IAP under a path', [CLIENT_ID, `${RUN}/app`], `${RUN}/app/a`, CLIENT_ID, CLIENT_ID],
  ['IAP beside the path', [CLIENT_ID, `${RUN}/app`], `${RUN}/application`, CLIENT_ID, undefined],
  [
    'a custom audience',
    ['https://custom.example', RUN],
    RUN,
    'https://custom.example',
    'https://custom.example',
  ],
  ['a custom audience that is not named', [RUN], RUN, 'https://custom.example', undefined],
  ['a custom audience by itself', ['https://custom.example'], RUN, 'https://custom.example', undefined],
  ['a longer audience of the URL', [`${RUN}/a/b`], `${RUN}/a/b/c`, `${RUN}/a/b`, `${RUN}/a/b`],
  ['a host that only a star admits', ['https://*.run.app'], RUN, undefined, RUN],
  [
    'another’s token at a host that only a star admits',
    ['https://*.run.app'],
    RUN,
    'https://b.run.app',
    undefined,
  ],
  [
    'a client id at a host that only a star admits',
    ['https://*.run.app', CLIENT_ID],
    RUN,
    CLIENT_ID,
    undefined,
  ],
])('%s', (_, audiences, url, audience, expected) => {
  expect(granted(profileOf(...audiences), url, audience)).toBe(expected);
});

test.each([
  'http://a.run.app/',
  'HTTPS://a.run.app/',
  'https://A.run.app/',
  'https://a.run.app:443/',
  'https://a.run.app./',
  'https://user@a.run.app/',
  'https://a.run.app@evil.example/',
  'https://a.run.app\\@evil.example/',
  'https://a.run.app#@evil.example/',
  'https://a.run.app/#x',
  'https://a.run.app/a/../b',
  'https://a.run.app/a/%2e%2e/b',
  'https://a.run.app/a/..;/b',
  'https://a.run.app/a/..;x=1/b',
  'https://a.run.app/a/..%3B/b',
  'https://a.run.app/a/..%2fb',
  'https://a.run.app/a%2F..%2Fb',
  'https://a.run.app/a%2f..',
  'https://a.run.app/a/..%5Cb',
  'https://a.run.app/a/.;/b',
  'https://a.run.app/a/%252e%252e/b',
  'https://a.run.app/a/.%25252E/b',
  'https://a.run.app/a/..%252fb',
  'https://a.run.app/a%255c..',
  'https://a.run.app/a b',
  'https://a.run.app/\ta',
  'https://a.run.app/a\n',
  ' https://a.run.app/',
  'https:a.run.app/',
  'https:///a.run.app/',
  'https://0x7f.1/',
  'https://127.1/',
  'https://a.run.app/ü',
  'https://ä.run.app/',
  'https://a。run.app/',
  'https://a.run.app/%',
  "https://a.run.app/?q='",
  'file:///etc/passwd',
  CLIENT_ID,
  '',
])('%j is no URL that is called', (text) => {
  expect(parseCallUrl(text)).toBeUndefined();
});

test.each([
  'https://a.run.app/a/..b/...;/c;v=1',
  'https://a.run.app/.well-known/x%2Fy.json',
  'https://a.run.app/a%252Fb/%252e%252ex/100%25',
  'https://a.run.app/a?next=/..;/b&of=..%2fc',
])('%j leads nowhere but down, and is called', (text) => {
  expect(parseCallUrl(text)?.href).toBe(text);
});

test('a URL that is called is called exactly as it is spelt', () => {
  const url = fc.oneof(fc.webUrl({ validSchemes: ['https'], withQueryParameters: true }), anyText(60));
  fc.assert(
    fc.property(url, (text) => {
      const parsed = parseCallUrl(text);

      expect(
        parsed === undefined ||
          parsed.href === text ||
          parsed.href.replace('/?', '?') === text ||
          parsed.href === `${text}/`,
      ).toBe(true);
    }),
  );
});

test('what a URL begins with ends where a segment does', () => {
  expect(prefixesOf(new URL('https://a.run.app/x//y?z=/q'))).toEqual([
    'https://a.run.app',
    'https://a.run.app/x',
    'https://a.run.app/x/',
    'https://a.run.app/x//y',
  ]);
});

const label = fc.constantFrom('a', 'b', 'evil', 'a-b', 'xn--a', 'run', 'app', 'example', 'com');
const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const port = fc.constantFrom('', ':8443', ':443', ':80');
const path = fc
  .array(fc.constantFrom('a', 'b', '..', '.', '', '%2e', '%2F', '*', '@', 'x?y', 'x#y'))
  .map((parts) => parts.map((one) => `/${one}`).join(''));
const user = fc.constantFrom('', 'a.run.app@', 'a.run.app:443@', 'user:pass@');
const anyUrl = fc.tuple(user, host, port, path).map((parts) => `https://${parts.join('')}`);
const audience = fc.oneof(
  fc.constantFrom(undefined, CLIENT_ID, RUN, FUNCTION, 'https://custom.example'),
  anyUrl,
);

test('no host that the profile does not name gets a token, whatever the URL and the audience are', () => {
  const profile = profileOf(RUN, `${RUN}:8443/a/*`, FUNCTION, 'https://b.example.com/a/b', CLIENT_ID);
  const named = ['a.run.app', 'a.run.app:8443', 'eu-p.cloudfunctions.net', 'b.example.com'];

  fc.assert(
    fc.property(fc.oneof(anyUrl, anyText(80)), audience, (text, wanted) => {
      const token = granted(profile, text, wanted);

      expect(token === undefined || named.includes(new URL(text).host)).toBe(true);
      expect(token === undefined || profile.allowsAudience(token)).toBe(true);
    }),
    { numRuns: 3_000 },
  );
});

test('a host that only a star admits gets no token but for itself', () => {
  const profile = profileOf('https://*.run.app', 'https://*.example.com/a', RUN, CLIENT_ID);

  fc.assert(
    fc.property(anyUrl, audience, (text, wanted) => {
      const token = granted(profile, text, wanted);

      expect(token === undefined || new URL(text).origin === RUN || text.startsWith(token)).toBe(true);
    }),
    { numRuns: 3_000 },
  );
});
