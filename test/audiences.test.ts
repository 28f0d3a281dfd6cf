import fc from 'fast-check';
import { expect, test } from 'vitest';
import { audiencePatternFault, compileAudiences, isAudience } from '../lambda/policy/audiences.ts';

test.each([
  'https://example.com',
  'https://example.com/',
  'https://europe-west1-example.cloudfunctions.net/hello',
  'https://hello-abc123-ew.a.run.app',
  'https://example.com:8443/path',
  'https://example.com/a.b/~c/d_e-f/$g',
  'https://example.com/a%20b',
  'https://example.com/a?b=c&d=e',
  'https://example.com?b=c',
  'https://localhost/x',
  '123456789012-abc0def.apps.googleusercontent.com',
  '123456789012.apps.googleusercontent.com',
])('knows %s for an audience', (audience) => {
  expect(isAudience(audience)).toBe(true);
});

test.each([
  '',
  ' ',
  'example.com',
  'http://example.com',
  'HTTPS://example.com',
  'https://',
  'https:///path',
  'https://Example.com',
  'https://example.com.',
  'https://.example.com',
  'https://example..com',
  'https://-example.com',
  'https://example-.com',
  `https://${'a'.repeat(64)}.com`,
  'https://ex_ample.com',
  'https://exämple.com',
  'https://user@example.com',
  'https://user:password@example.com',
  'https://example.com:443',
  'https://example.com:443/',
  'https://example.com:0443',
  'https://example.com:0',
  'https://example.com:',
  'https://example.com:123456',
  'https://example.com#fragment',
  'https://example.com/#',
  'https://example.com/.',
  'https://example.com/..',
  'https://example.com/../secret',
  'https://example.com/./a',
  'https://example.com/a/..?b',
  'https://example.com/%2e%2e/a',
  'https://example.com/a%2Eb',
  'https://example.com/%',
  'https://example.com/%2',
  'https://example.com/%zz',
  'https://example.com/a b',
  'https://example.com/a\\b',
  'https://example.com\\@evil.example',
  'https://example.com/\n',
  'https://example.com\n',
  '\nhttps://example.com',
  'https://example.com/\u0000',
  'https://example.com/é',
  'https://example.com/*',
  'https://*.example.com',
  'https://example.com?a?b',
  'https://[::1]/',
  'abc.apps.googleusercontent.com',
  '123-ABC.apps.googleusercontent.com',
  '123-abc.apps.googleusercontent.com.evil.example',
  'evil.example/123-abc.apps.googleusercontent.com',
  '123.apps.googleusercontent.com\n',
])('does not know %j for an audience', (text) => {
  expect(isAudience(text)).toBe(false);
});

test.each([
  'https://*.a.run.app',
  'https://*.a.run.app:8443/x',
  'https://hello-*-ew.a.run.app',
  'https://*.*.example.com/*',
  'https://europe-west1-example.cloudfunctions.net/*',
  'https://example.com/v*/users/*/tokens',
  'https://example.com/exact',
  '123-abc.apps.googleusercontent.com',
])('accepts the pattern %s', (pattern) => {
  expect(audiencePatternFault(pattern)).toBeUndefined();
});

test.each([
  ['*', /is not an https URL/],
  ['https://*', /last two labels/],
  ['https://*.com', /last two labels/],
  ['https://*.*.com', /last two labels/],
  ['https://example.*', /last two labels/],
  ['https://a.*.com/x', /last two labels/],
  ['https://a.exa*.com', /last two labels/],
  ['https://*:8443', /last two labels/],
  ['https://a..*.b.com', /empty label/],
  ['https://.*.b.com', /empty label/],
  ['https://*.b.com.', /empty label/],
  ['https://a**.b.com', /more than one/],
  ['https://*a*.b.com', /more than one/],
  ['https://example.com/**', /more than one/],
  ['https://example.com/*a*', /more than one/],
  ['http://example.com/*', /is not an https URL/],
  ['https://example.com:*/', /is not an https URL/],
  ['https://example.com/a?b=*', /is not an https URL/],
  ['https://example.com?*', /is not an https URL/],
  ['https://user@*.b.example.com', /is not an https URL/],
  ['https://Example.com/*', /is not an https URL/],
  ['https://example.com/*/../a', /is not an https URL/],
  ['https://example.com/*#a', /is not an https URL/],
  ['https://example.com:443/*', /is not an https URL/],
  ['https://example.com/[*]', /is not an https URL/],
  ['https://example.com/*\n', /is not an https URL/],
  ['*.apps.googleusercontent.com', /is not an https URL/],
  ['', /is neither/],
  ['example.com', /is neither/],
  ['http://example.com', /is neither/],
])('refuses the pattern %j', (pattern, fault) => {
  expect(audiencePatternFault(pattern)).toMatch(fault);
});

test.each([
  ['https://*.a.run.app', 'https://hello.a.run.app', true],
  ['https://*.a.run.app', 'https://a.run.app', false],
  ['https://*.a.run.app', 'https://x.hello.a.run.app', false],
  ['https://*.a.run.app', 'https://hello.a.run.app/', false],
  ['https://*.a.run.app', 'https://hello.a.run.app:8443', false],
  ['https://*.a.run.app', 'https://hello.a.run.app.evil.example', false],
  ['https://*.a.run.app', 'https://evil.example/.a.run.app', false],
  ['https://*.a.run.app', 'https://helloxaxrunxapp', false],
  ['https://*.a.run.app', 'https://evil.example/https://hello.a.run.app', false],
  ['https://*.a.run.app', 'https://hello.a.run.app\n', false],
  ['https://example.com/*', 'https://example.com/', false],
  ['https://example.com/*', 'https://example.com/a', true],
  ['https://example.com/*', 'https://example.com/a/', false],
  ['https://example.com/*', 'https://example.com/a/b', false],
  ['https://example.com/*', 'https://example.com/a%2fb', false],
  ['https://example.com/*', 'https://example.com/a%20b', false],
  ['https://example.com/*', 'https://example.com/a?b=c', false],
  ['https://example.com/*/c', 'https://example.com//c', false],
  ['https://example.com/v*', 'https://example.com/v', false],
  ['https://example.com/v*', 'https://example.com/v2', true],
  ['https://example.com/*', 'https://example.net/a', false],
  ['https://example.com/a', 'https://example.com/a', true],
  ['https://example.com/a', 'https://example.com/a/', false],
  ['https://example.com/a', 'https://example.com/A', false],
  ['https://example.com/a.b', 'https://example.com/axb', false],
])('the pattern %s on %s: %s', (pattern, audience, admitted) => {
  expect(compileAudiences([pattern])(audience)).toBe(admitted);
});

test('an audience and a pattern have at most 2,048 characters', () => {
  const longest = `https://example.com/${'a'.repeat(2_028)}`;

  expect([isAudience(longest), isAudience(`${longest}a`)]).toEqual([true, false]);
  expect(audiencePatternFault(`${longest.slice(1, -1)}*`)).toMatch(/is not an https URL/);
  expect(audiencePatternFault(`${longest.slice(0, -1)}*`)).toBeUndefined();
  expect(audiencePatternFault(`${longest}*`)).toMatch(/is not an https URL/);
});

test('no patterns admit nothing', () => {
  fc.assert(fc.property(fc.string(), (audience) => !compileAudiences([])(audience)));
});

/** A second matcher, without regular expressions and as plain as can be: part by part, letter by letter. */
function admits(pattern: string, audience: string): boolean {
  const wanted = pattern.slice('https://'.length).split('/');
  const given = audience.startsWith('https://') ? audience.slice('https://'.length).split('/') : [];
  return (
    wanted.length === given.length &&
    wanted.every((part, index) =>
      index === 0 ? admitsHost(part, given[index] ?? '') : admitsPart(part, given[index] ?? '', '/?#%'),
    )
  );
}

function admitsHost(pattern: string, host: string): boolean {
  const wanted = pattern.split('.');
  const given = host.split('.');
  return (
    wanted.length === given.length &&
    wanted.every((label, index) => admitsPart(label, given[index] ?? '', ':?#%@'))
  );
}

function admitsPart(pattern: string, part: string, forbidden: string): boolean {
  const [before = '', after] = pattern.split('*');
  if (after === undefined) {
    return pattern === part;
  }
  const middle = part.slice(before.length, part.length - after.length);
  return (
    part.length > before.length + after.length &&
    part.startsWith(before) &&
    part.endsWith(after) &&
    [...middle].every((letter) => !forbidden.includes(letter))
  );
}

const label = fc.constantFrom('a', 'b', 'run', 'app', 'x-y', 'a1');
const wildLabel = fc.constantFrom('*', 'a*', '*a', 'x-*-y', 'a');
const segment = fc.constantFrom('', 'a', 'b', 'v1', 'a.b', '(a)', 'a+', '$', 'a%20b', 'a?b', '~');
const wildSegment = fc.constantFrom('*', 'v*', '*.b', 'a*c', '$*', 'a');

function urls(host: fc.Arbitrary<string>, path: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.array(host, { maxLength: 2 }),
      label,
      label,
      fc.constantFrom('', '', ':8443'),
      fc.array(path, { maxLength: 3 }),
    )
    .map(
      ([labels, a, b, port, segments]) =>
        `https://${[...labels, a, b].join('.')}${port}${segments.map((s) => `/${s}`).join('')}`,
    );
}

const good = urls(wildLabel, fc.oneof(segment, wildSegment)).filter(
  (text) => audiencePatternFault(text) === undefined,
);
const asked = fc
  .oneof(urls(label, segment), urls(fc.oneof(label, wildLabel), fc.oneof(segment, wildSegment)))
  .filter(isAudience);

/** An audience made from a pattern, with something in the place of each star. */
const filled = fc
  .tuple(
    good,
    fc.constantFrom('a', 'x-y', '', '.', 'a.b', '/', 'a/b', '%2f', '?', '#', ':1', '@', 'é', '..', 'A'),
  )
  .map(([pattern, filling]) => ({ pattern, filling, audience: pattern.replaceAll('*', filling) }));

test('admits nothing that a plain matcher does not admit, and all that it does', () => {
  fc.assert(
    fc.property(fc.array(good, { maxLength: 4 }), asked, (patterns, audience) => {
      expect(compileAudiences(patterns)(audience)).toBe(
        patterns.some((pattern) => admits(pattern, audience)),
      );
    }),
    { numRuns: 2_000 },
  );
});

test('what stands in the place of a star never crosses a slash or a dot of the host', () => {
  fc.assert(
    fc.property(filled, ({ pattern, filling, audience }) => {
      fc.pre(pattern.includes('*') && isAudience(audience));

      const admitted = compileAudiences([pattern])(audience);

      expect(admitted).toBe(admits(pattern, audience));
      if (admitted) {
        expect(filling).not.toMatch(/[/?#%]|^$/);
        expect(audience.split('/').length).toBe(pattern.split('/').length);
        expect(new URL(audience).hostname.split('.').length).toBe(pattern.split('/')[2]?.split('.').length);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a further pattern takes nothing away, and adds only what it admits by itself', () => {
  fc.assert(
    fc.property(fc.array(good, { maxLength: 3 }), good, asked, (patterns, more, audience) => {
      const before = compileAudiences(patterns)(audience);

      const after = compileAudiences([...patterns, more])(audience);

      expect(after).toBe(before || compileAudiences([more])(audience));
    }),
    { numRuns: 1_000 },
  );
});

test('every audience is a URL of which a browser changes nothing but the empty path, or a client id', () => {
  const host = fc
    .array(fc.stringMatching(/^[a-z][a-z0-9-]{0,5}$/), { minLength: 1, maxLength: 3 })
    .map((labels) => labels.join('.'));
  const rest = fc.stringMatching(/^(?:[/?][\w.~!$&()+,;=:@%/?-]{0,12})?$/);
  fc.assert(
    fc.property(host, fc.constantFrom('', ':1', ':443', ':08', ':8443'), rest, (name, port, end) => {
      const text = `https://${name}${port}${end}`;
      fc.pre(isAudience(text) && !text.includes('xn--'));

      const { href } = new URL(text);

      expect([text, text.replace(/^(https:\/\/[^/?]+)/, '$1/')]).toContain(href);
    }),
    { numRuns: 2_000 },
  );
});

test('long and adversarial audiences are judged in bounded work', () => {
  const patterns = [
    `https://${'a-*-a.'.repeat(100)}run.app/${'*a/'.repeat(200)}end`,
    `https://example.com/*${'a'.repeat(2_000)}`,
    `https://example.com/${'*/'.repeat(1_000)}a`,
    `https://example.com/${'a*a/'.repeat(480)}a`,
  ];
  const audiences = [
    `https://example.com/${'a'.repeat(2_028)}`,
    `https://example.com/${'a/'.repeat(1_000)}b`,
    `https://example.com/${'a'.repeat(1_000)}/${'a'.repeat(1_000)}`,
    `https://${'a-a-a.'.repeat(300)}run.app/x`,
    `https://${'a'.repeat(2_000)}`,
    `https://${'a.'.repeat(1_000)}`,
    `https://example.com/${'%'.repeat(2_000)}`,
    `https://example.com/${'/.'.repeat(1_000)}a`,
    `${'1'.repeat(32)}-${'a'.repeat(2_000)}`,
  ];

  const judge = compileAudiences(patterns);
  const admitted = audiences.filter((audience) => [isAudience(audience), judge(audience)].every(Boolean));

  expect(patterns.map(audiencePatternFault)).toEqual(patterns.map(() => undefined));
  expect(admitted).toEqual([`https://example.com/${'a'.repeat(2_028)}`]);
});
