import fc from 'fast-check';
import { expect, test } from 'vitest';
import { authorize, profileOf } from '../lambda/authorize.ts';
import { parseProfiles } from '../lambda/profiles.ts';
import { parseRequest } from '../lambda/request.ts';
import { expandScopes } from '../lambda/scopes.ts';
import { failureOf } from './make-calls.ts';
import { FUNCTION_ARN } from './make-event.ts';

const PROFILES = parseProfiles({
  default: { scopes: ['storage-ro', 'pubsub'], audiences: ['https://example.com/*'] },
  reports: { credential: 'bigquery', scopes: ['bigquery'] },
  callers: { audiences: ['https://example.com/f'] },
  constructor: { scopes: ['openid'] },
});
const ONLY_REPORTS = parseProfiles({ reports: { scopes: ['bigquery'] } });

function profile(name: string) {
  return profileOf(PROFILES, `${FUNCTION_ARN}:${name}`);
}

async function denialOf(run: () => unknown): Promise<string> {
  const failure = await failureOf(run);
  expect(failure.code).toBe('access_denied');
  return failure.message;
}

test.each(['default', 'reports', 'callers', 'constructor'])(
  'the alias %s is the profile of that name',
  (alias) => {
    expect(profile(alias).name).toBe(alias);
  },
);

test.each(['arn:aws-cn:lambda:cn-north-1', 'arn:aws-us-gov:lambda:us-gov-west-1'])(
  'finds the alias in the partition of %s',
  (beginning) => {
    expect(profileOf(PROFILES, `${beginning}:123456789012:function:vendor:reports`).name).toBe('reports');
  },
);

test.each([FUNCTION_ARN, `${FUNCTION_ARN}:$LATEST`, `${FUNCTION_ARN}:1`, `${FUNCTION_ARN}:4711`])(
  '%s, which has no alias, is the profile default',
  (arn) => {
    expect(profileOf(PROFILES, arn).name).toBe('default');
  },
);

test.each([FUNCTION_ARN, `${FUNCTION_ARN}:$LATEST`, `${FUNCTION_ARN}:7`])(
  'refuses %s where there is no profile default',
  async (arn) => {
    expect(await denialOf(() => profileOf(ONLY_REPORTS, arn))).toMatch(/There is no profile named "?default/);
  },
);

test.each(['unknown', 'Reports', 'reports2', 'toString', '__proto__', '', '$latest', '7a'])(
  'refuses the alias %j, which is no profile',
  async (alias) => {
    expect(await denialOf(() => profileOf(PROFILES, `${FUNCTION_ARN}:${alias}`))).toContain(
      'There is no profile named',
    );
  },
);

test('grants all the scopes of the profile if none are asked for', () => {
  expect(authorize(profile('default'), { kind: 'access_token', scopes: undefined })).toEqual({
    kind: 'access_token',
    credential: 'default',
    scopes: 'https://www.googleapis.com/auth/devstorage.read_only https://www.googleapis.com/auth/pubsub',
  });
});

test('grants a part of the scopes of the profile, from its credential', () => {
  expect(authorize(profile('reports'), parseRequest([['scope', 'bigquery']]))).toEqual({
    kind: 'access_token',
    credential: 'bigquery',
    scopes: 'https://www.googleapis.com/auth/bigquery',
  });
});

test('grants an audience that a pattern of the profile matches', () => {
  expect(authorize(profile('default'), { kind: 'id_token', audience: 'https://example.com/f' })).toEqual({
    kind: 'id_token',
    credential: 'default',
    audience: 'https://example.com/f',
  });
});

test('makes one grant of sets that differ in order and aliases', () => {
  const grants = ['storage-ro pubsub', 'pubsub,https://www.googleapis.com/auth/devstorage.read_only'].map(
    (scopes) => authorize(profile('default'), parseRequest([['scopes', scopes]])),
  );

  expect(grants[0]).toEqual(grants[1]);
});

test('denies a scope that the profile does not list, and says what it does', async () => {
  const denial = await denialOf(() =>
    authorize(profile('default'), parseRequest([['scope', 'pubsub storage-rw']])),
  );

  expect(denial).toBe(
    'The profile default does not allow https://www.googleapis.com/auth/devstorage.read_write; it allows https://www.googleapis.com/auth/devstorage.read_only, https://www.googleapis.com/auth/pubsub.',
  );
});

test('denies an alias of which the profile has only a part', async () => {
  const denial = await denialOf(() => authorize(profile('default'), parseRequest([['scope', 'default']])));

  expect(denial).toContain('does not allow https://www.googleapis.com/auth/logging.write');
  expect(denial.split('; it allows')[0]).not.toContain('pubsub');
});

test('denies an audience that no pattern matches, and says what the patterns are', async () => {
  const request = { kind: 'id_token', audience: 'https://example.com/f/g' } as const;

  expect(await denialOf(() => authorize(profile('default'), request))).toBe(
    'The profile default does not allow the audience "https://example.com/f/g"; it allows https://example.com/*.',
  );
});

test('denies access tokens to a profile of audiences, and ID tokens to a profile of scopes', async () => {
  const audience = { kind: 'id_token', audience: 'https://example.com/f' } as const;

  for (const scopes of [undefined, ['openid']]) {
    const request = { kind: 'access_token', scopes } as const;
    expect(await denialOf(() => authorize(profile('callers'), request))).toContain('vends no access tokens');
  }
  expect(await denialOf(() => authorize(profile('reports'), audience))).toContain('vends no ID tokens');
});

test('names 5 of many patterns, and counts the others', async () => {
  const audiences = Array.from({ length: 1_000 }, (_, index) => `https://s${index}.example.com`);
  const [many] = parseProfiles({ many: { audiences } }).values();

  const request = { kind: 'id_token', audience: 'https://example.com' } as const;
  const denial = await denialOf(() => many && authorize(many, request));

  expect(denial).toContain('https://s4.example.com and 995 more');
  expect(denial).not.toContain('https://s5.');
});

test('does not repeat what looks like a token, although it has the form of a scope or an audience', async () => {
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ2ZW5kb3IifQ.c2lnbmF0dXJl';
  const requests = [
    parseRequest([['scope', `https://www.googleapis.com/auth/${token}`]]),
    parseRequest([['audience', `https://example.org/${token}`]]),
  ];

  for (const request of requests) {
    expect(await denialOf(() => authorize(profile('default'), request))).not.toContain('eyJ');
  }
});

const SCOPES = [
  'openid',
  'email',
  'pubsub',
  'storage-ro',
  'storage-rw',
  'default',
  'gke-default',
  'monitoring',
];

test('no request gets a scope that the profile does not list', () => {
  const some = fc.subarray(SCOPES, { minLength: 1 });
  fc.assert(
    fc.property(some, some, fc.boolean(), (allowed, wanted, asString) => {
      const [held] = parseProfiles({ any: { scopes: allowed } }).values();
      const request = parseRequest([['scopes', asString ? wanted.join(' ') : wanted]]);
      const inside = expandScopes(wanted).every((scope) => expandScopes(allowed).includes(scope));

      let granted: string | undefined;
      try {
        const grant = held && authorize(held, request);
        granted = grant?.kind === 'access_token' ? grant.scopes : '';
      } catch {
        granted = undefined;
      }

      expect(granted).toBe(inside ? expandScopes(wanted).join(' ') : undefined);
    }),
    { numRuns: 300 },
  );
});

test('no request gets an audience other than the one that it asks for and a pattern matches', () => {
  const name = fc.constantFrom('a', 'b', 'a-b', 'a.b', 'a/b', 'a%2fb', '..', '');
  fc.assert(
    fc.property(fc.subarray(['*.a', 'b', 'a-*'], { minLength: 1 }), name, name, (hosts, host, path) => {
      const [held] = parseProfiles({
        any: { audiences: hosts.map((part) => `https://${part}.run.app/*`) },
      }).values();
      const audience = `https://${host}.a.run.app/${path}`;
      const hostAllowed = hosts.some((part) => part === '*.a') && /^(a|b|a-b)$/.test(host);
      const pathAllowed = /^(a|b|a-b|a\.b)$/.test(path);

      let granted: string | undefined;
      try {
        const grant = held && authorize(held, parseRequest([['audience', audience]]));
        granted = grant?.kind === 'id_token' ? grant.audience : '';
      } catch {
        granted = undefined;
      }

      expect(granted).toBe(hostAllowed && pathAllowed ? audience : undefined);
    }),
    { numRuns: 500 },
  );
});
