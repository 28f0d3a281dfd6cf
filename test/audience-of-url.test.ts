import fc from 'fast-check';
import { expect, test } from 'vitest';
import { audienceOfUrl } from '../lambda/policy/audience-of-url.ts';
import { isAudience } from '../lambda/policy/audiences.ts';

const FUNCTION = 'https://europe-west1-example.cloudfunctions.net/hello';

test.each([
  [FUNCTION, FUNCTION],
  [`${FUNCTION}/`, FUNCTION],
  [`${FUNCTION}/users/7?full=1#top`, FUNCTION],
  [`${FUNCTION}?full=1`, FUNCTION],
  ['https://europe-west1-example.cloudfunctions.net', 'https://europe-west1-example.cloudfunctions.net'],
  ['https://europe-west1-example.cloudfunctions.net//x', 'https://europe-west1-example.cloudfunctions.net'],
  ['https://reports-abc123-ew.a.run.app/users/7?full=1', 'https://reports-abc123-ew.a.run.app'],
  ['https://reports-abc123-ew.a.run.app', 'https://reports-abc123-ew.a.run.app'],
  ['https://example.com:8443/a/b', 'https://example.com:8443'],
  ['https://example.com:443/a/b', 'https://example.com'],
  ['https://cloudfunctions.net.example.com/a', 'https://cloudfunctions.net.example.com'],
  ['https://evilcloudfunctions.net/a', 'https://evilcloudfunctions.net'],
  ['https://user:pass@example.com/a', 'https://example.com'],
])('the audience of %s is %s', (url, audience) => {
  expect(audienceOfUrl(new URL(url))).toBe(audience);
});

// An escaped dot is of no plain spelling, a star is a pattern’s: neither is in an audience.
test('whatever the path, the audience is of the very host, and is one that can be asked for', () => {
  const host = fc.constantFrom('europe-west1-example.cloudfunctions.net', 'a.run.app', 'example.com:8443');

  fc.assert(
    fc.property(
      host,
      fc.webPath().filter((path) => !/%2e|\*/i.test(path)),
      (name, path) => {
        const audience = audienceOfUrl(new URL(`https://${name}${path}`));

        expect(new URL(audience).host).toBe(name);
        expect(audience.includes('?') || audience.includes('#')).toBe(false);
        expect(isAudience(audience)).toBe(true);
      },
    ),
  );
});
