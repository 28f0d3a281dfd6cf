import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileSubjects, isSubject, subjectPatternFault } from '../lambda/policy/subjects.ts';
import { anyText } from './any-text.ts';

const LONGEST_LOCAL = 'a'.repeat(64);
/** 254 characters with a local part of one. */
const LONGEST_DOMAIN = `${'b'.repeat(62)}.${'c'.repeat(62)}.${'d'.repeat(62)}.${'e'.repeat(60)}.co`;

test.each([
  'alice@example.com',
  'a@b.co',
  'alice.smith@example.com',
  'a.b.c@example.com',
  'alice-smith_1@example.com',
  '_service@example.com',
  '-service-@example.com',
  "o'neill@example.com",
  'alice+reports@example.com',
  '1@example.com',
  'alice@sub.domain.example.com',
  'alice@xn--exmple-cua.com',
  'alice@3.example.com',
  'alice@example.c1',
  `${LONGEST_LOCAL}@example.com`,
  `a@${LONGEST_DOMAIN}`,
])('knows %s for a user', (text) => {
  expect(isSubject(text)).toBe(true);
  expect(subjectPatternFault(text)).toBeUndefined();
  expect(compileSubjects([text])(text)).toBe(true);
});

const NO_SUBJECTS = [
  '',
  '@',
  'alice',
  'alice@',
  '@example.com',
  'alice@example',
  'alice@localhost',
  'Alice@example.com',
  'alice@Example.com',
  'alice@EXAMPLE.COM',
  '.alice@example.com',
  'alice.@example.com',
  'alice..smith@example.com',
  'alice@.example.com',
  'alice@example.com.',
  'alice@example..com',
  'alice@-example.com',
  'alice@example-.com',
  'alice@example.1com',
  'alice@127.0.0.1',
  'alice@[127.0.0.1]',
  'alice@exam_ple.com',
  'alice@example.com@example.org',
  'alice@evil.example@example.com',
  'alice%40evil.example@example.com',
  'alice!evil.example@example.com',
  '"alice"@example.com',
  'alice(comment)@example.com',
  'Alice <alice@example.com>',
  'alice@example.com,bob@example.com',
  'alice@example.com bob@example.com',
  'mailto:alice@example.com',
  'user:alice@example.com',
  ' alice@example.com',
  'alice@example.com ',
  'alice @example.com',
  'alice@ example.com',
  'alice@example.com\n',
  '\nalice@example.com',
  'bob@example.org\nalice@example.com',
  'alice@example.com\u0000',
  'ali\u0000ce@example.com',
  'ali\u00adce@example.com',
  'alice@example.com\u200b',
  '\ufeffalice@example.com',
  'alíce@example.com',
  'аlice@example.com',
  'alice@exаmple.com',
  'alıce@example.com',
  'aliſe@example.com',
  'alice@example。com',
  'alice＠example.com',
  'ａlice@example.com',
  'alice@*.example.com',
  '*',
  'a/b@example.com',
  'a\\b@example.com',
  `${LONGEST_LOCAL}a@example.com`,
  `a@f${LONGEST_DOMAIN}`,
  `alice@${'b'.repeat(64)}.com`,
];

test.each(NO_SUBJECTS)('does not know %j for a user, nor for a pattern', (text) => {
  expect(isSubject(text)).toBe(false);
  expect(subjectPatternFault(text)).toContain('is no e-mail address in lower case');
});

test.each(NO_SUBJECTS)('admits %j by no pattern, not even by its own letters', (text) => {
  const judge = compileSubjects([text, '*@example.com', 'a*@example.com', '*e@example.com']);

  expect(judge(text)).toBe(false);
});

test.each([
  '*@example.com',
  'robot-*@example.com',
  '*-robot@example.com',
  'a*z@example.com',
  'a.*@example.com',
  '*.a@example.com',
  'a+*@example.com',
  `${'a'.repeat(63)}*@example.com`,
])('accepts the pattern %s, which is no user', (pattern) => {
  expect(subjectPatternFault(pattern)).toBeUndefined();
  expect(isSubject(pattern)).toBe(false);
});

test.each([
  '*',
  '*@',
  '*@*',
  '*@*.com',
  'alice@*',
  'alice@*.com',
  'alice@ex*mple.com',
  'alice@example.*',
  '*alice@*.com',
  '**@example.com',
  '*a*@example.com',
  '*@example',
  '*@Example.com',
  'A*@example.com',
  '.*@example.com',
  '*.@example.com',
  'a..*@example.com',
  '*@example.com@example.com',
  'a@*@example.com',
  '*@example.com\n',
  ' *@example.com',
  '?@example.com',
  '(a|b)*@example.com',
  '[a-z]*@example.com',
  `${'a'.repeat(64)}*@example.com`,
  `*@f${LONGEST_DOMAIN}`,
])('refuses the pattern %j', (pattern) => {
  expect(subjectPatternFault(pattern)).toContain('one `*` may stand before the @');
});

test.each([
  ['*@example.com', 'a@example.com', true],
  ['*@example.com', 'alice.smith@example.com', true],
  ['*@example.com', "o'neill@example.com", true],
  ['*@example.com', '@example.com', false],
  ['*@example.com', 'alice@example.org', false],
  ['*@example.com', 'alice@sub.example.com', false],
  ['*@example.com', 'alice@example.com.evil.example', false],
  ['*@example.com', 'alice@evilexample.com', false],
  ['*@example.com', 'alice@exampleacom', false],
  ['*@sub.example.com', 'alice@subaexample.com', false],
  ['robot-*@example.com', 'robot-1@example.com', true],
  ['robot-*@example.com', 'robot-@example.com', false],
  ['robot-*@example.com', 'robot@example.com', false],
  ['robot-*@example.com', 'a-robot-1@example.com', false],
  ['a.*@example.com', 'a.b@example.com', true],
  ['a.*@example.com', 'axb@example.com', false],
  ['a*z@example.com', 'az@example.com', false],
  ['a*z@example.com', 'abz@example.com', true],
  ['a*z@example.com', 'abzz@example.com', true],
  ['a*z@example.com', 'abz.b@example.com', false],
  ['alice@example.com', 'alice@example.com', true],
  ['alice@example.com', 'alice@example.org', false],
  ['alice@example.com', 'alicia@example.com', false],
  ['a.b@example.com', 'axb@example.com', false],
  ['a+b@example.com', 'aab@example.com', false],
  ['a+b@example.com', 'a+b@example.com', true],
])('the pattern %s on %s: %s', (pattern, subject, admitted) => {
  expect(compileSubjects([pattern])(subject)).toBe(admitted);
});

test.each(['*@example.com', '*-robot@example.com', 'ceo*@example.com'])(
  'lets nobody in by a plus, behind which %s would be another one’s mailbox',
  (pattern) => {
    const judge = compileSubjects([pattern]);

    expect(judge('ceo-robot@example.com')).toBe(true);
    expect(judge('ceo+x-robot@example.com')).toBe(false);
  },
);

test('lets a plus in that the profile has written itself', () => {
  const judge = compileSubjects(['alice+reports@example.com', 'robot+*@example.com']);

  expect(judge('alice+reports@example.com')).toBe(true);
  expect(judge('robot+1@example.com')).toBe(true);
  expect(judge('robot+1+2@example.com')).toBe(false);
});

test('no patterns admit nobody', () => {
  fc.assert(fc.property(fc.emailAddress(), (subject) => !compileSubjects([])(subject)));
});

const LETTERS = [...'ab', '.', '-', '_', '+', "'", '@', 'A', '*', 'é', '\n'];
const text = (max: number) => fc.string({ unit: fc.constantFrom(...LETTERS), maxLength: max });
const local = fc.oneof(
  fc.constantFrom('a', 'b', 'ab', 'aab', 'a.b', 'a.ab', 'a-b', "b'ab", 'a+b', 'a+ab', 'ab.ab', 'a-a.a'),
  fc.stringMatching(/^[ab][ab.+_'-]{0,5}[ab]$/).filter((part) => !part.includes('..')),
);
const domain = fc.oneof(
  { weight: 3, arbitrary: fc.constant('example.com') },
  { weight: 1, arbitrary: fc.constantFrom('example.org', 'a.example.com', 'examplexcom.com', 'b.co') },
);
const subject = fc.tuple(local, domain).map((parts) => parts.join('@'));
const pattern = fc
  .oneof(
    subject,
    fc
      .tuple(fc.constantFrom('', 'a', 'ab', 'a.', "b'"), fc.constantFrom('', 'b', '-b', '.a'), domain)
      .map(([before, after, at]) => `${before}*${after}@${at}`),
  )
  .filter((candidate) => subjectPatternFault(candidate) === undefined);

/** A second matcher, without regular expressions and as plain as can be. */
function admits(wanted: string, given: string): boolean {
  const [wantedLocal = '', wantedDomain] = wanted.split('@');
  const [givenLocal = '', givenDomain, ...more] = given.split('@');
  const [before = '', after] = wantedLocal.split('*');
  if (wantedDomain !== givenDomain || more.length > 0) {
    return false;
  }
  if (after === undefined) {
    return wantedLocal === givenLocal;
  }
  const middle = givenLocal.slice(before.length, givenLocal.length - after.length);
  return (
    givenLocal.length > before.length + after.length &&
    givenLocal.startsWith(before) &&
    givenLocal.endsWith(after) &&
    !middle.includes('+')
  );
}

test('admits nobody whom a plain matcher does not admit, and all whom it does', () => {
  let admitted = 0;

  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 4 }), subject, (patterns, asked) => {
      const verdict = compileSubjects(patterns)(asked);

      admitted += verdict ? 1 : 0;
      expect(verdict).toBe(patterns.some((one) => admits(one, asked)));
    }),
    { numRuns: 3_000 },
  );

  expect(admitted).toBeGreaterThan(100);
});

test('admits no other domain, no other case, no second @ and nothing unseen, whatever the text', () => {
  const asked = fc.oneof(
    subject,
    anyText(30),
    text(20),
    fc.tuple(text(8), domain).map((parts) => parts.join('@')),
    fc.tuple(anyText(6), anyText(3), domain).map(([a, b, at]) => `${a}@${b}${at}`),
    subject.map((one) => one.toUpperCase()),
    fc.tuple(subject, anyText(3)).map((parts) => parts.join('')),
  );
  let admitted = 0;

  fc.assert(
    fc.property(fc.array(pattern, { minLength: 1, maxLength: 3 }), asked, (patterns, given) => {
      if (compileSubjects(patterns)(given)) {
        admitted += 1;
        expect(isSubject(given)).toBe(true);
        expect(given).toMatch(/^[a-z0-9._'+-]+@[a-z0-9.-]+$/);
        expect(patterns.map((one) => one.split('@')[1])).toContain(given.split('@')[1]);
      }
    }),
    { numRuns: 5_000 },
  );

  expect(admitted).toBeGreaterThan(30);
});

test('every change of a letter of an exact address is somebody else', () => {
  fc.assert(
    fc.property(subject, fc.nat(30), fc.oneof(anyText(1), fc.constantFrom(...LETTERS)), (one, at, letter) => {
      const changed = one.slice(0, at) + letter + one.slice(at + 1);
      fc.pre(changed !== one);

      expect(compileSubjects([one])(changed)).toBe(false);
    }),
    { numRuns: 1_000 },
  );
});

test('a further pattern takes nothing away, and adds only what it admits by itself', () => {
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 3 }), pattern, subject, (patterns, more, asked) => {
      const before = compileSubjects(patterns)(asked);

      const after = compileSubjects([...patterns, more])(asked);

      expect(after).toBe(before || compileSubjects([more])(asked));
    }),
    { numRuns: 1_000 },
  );
});

test('every pattern that is accepted admits somebody', () => {
  const written = fc
    .tuple(text(6), domain)
    .map((parts) => parts.join('@'))
    .filter((candidate) => subjectPatternFault(candidate) === undefined);
  fc.assert(
    fc.property(fc.oneof(pattern, written), (one) => {
      expect(compileSubjects([one])(one.replace('*', 'x'))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('texts that are made for backtracking, and a megabyte long, are judged at once', () => {
  const judge = compileSubjects(['a*a@example.com', '*-a-a-a@example.com', 'a.a.a.*@example.com']);
  const texts = ['a', 'a.', '.', 'a-', "a'", '@', 'a@', 'a.a@', '*', '+'].flatMap((part) => {
    const long = part.repeat(1_000_000 / part.length);
    return [long, `${long}@example.com`, `a@${long}`, `a@${long}.com`, `${long}!`, `a@${long}!`];
  });
  const start = performance.now();

  const admitted = texts.filter((one) => [isSubject(one), judge(one)].some(Boolean));
  const accepted = texts.filter((one) => subjectPatternFault(one) === undefined);

  expect([admitted, accepted]).toEqual([[], []]);
  // Only work that grows with more than the length takes longer than this for sixty megabytes.
  expect(performance.now() - start).toBeLessThan(10_000);
});

test('the longest texts that are looked at at all cost no more than others', () => {
  const judge = compileSubjects([`${'a'.repeat(31)}*${'a'.repeat(32)}@example.com`, '*a@example.com']);
  const texts = ['a', 'a.', '.', 'a-', 'a@', 'a.a@'].flatMap((part) => {
    const long = (length: number) => part.repeat(length).slice(0, length);
    return [long(254), `${long(64)}@${long(189)}`, `${long(240)}@example.com`, `a@${long(248)}.com!`];
  });
  const start = performance.now();

  for (let round = 0; round < 1_000; round += 1) {
    for (const one of texts) {
      isSubject(one);
      judge(one);
      subjectPatternFault(one);
    }
  }

  // 72,000 judgements; a pattern that backtracks does not come to the end of one.
  expect(performance.now() - start).toBeLessThan(20_000);
});
