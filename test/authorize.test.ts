import fc from 'fast-check';
import { expect, test } from 'vitest';
import { authorize, profileOf } from '../lambda/authorize.ts';
import { type Profile, type ProfileDocument, parseProfiles } from '../lambda/policy/profiles.ts';
import { expandScopes } from '../lambda/policy/scopes.ts';
import { parseRequest } from '../lambda/request.ts';
import type { Grant, TokenRequest } from '../lambda/types.ts';
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

const ACCOUNT = 'reader@example-project.iam.gserviceaccount.com';
const DELEGATE = 'delegate@example-project.iam.gserviceaccount.com';
const RULE = {
  availableResource: '//storage.googleapis.com/projects/_/buckets/reports',
  availablePermissions: ['inRole:roles/storage.objectViewer'],
};

/** Returns the one profile that `fields` and a scope make. */
function profileWith(fields: ProfileDocument): Profile {
  const held = parseProfiles({ any: { scopes: ['storage-ro'], ...fields } }).get('any');
  if (held === undefined) {
    throw new Error('there is no profile');
  }
  return held;
}

function ask(fields: ProfileDocument, request: Readonly<Record<string, unknown>> = {}): Grant {
  return authorize(profileWith(fields), parseRequest(Object.entries(request)));
}

const PLAIN = {
  kind: 'access_token',
  credential: 'default',
  scopes: 'https://www.googleapis.com/auth/devstorage.read_only',
} as const;

test('grants no more than scopes to a profile of scopes', () => {
  expect(Object.keys(ask({})).toSorted()).toEqual(['credential', 'kind', 'scopes']);
  expect(Object.keys(ask({ selfSigned: false })).toSorted()).toEqual(['credential', 'kind', 'scopes']);
});

test('grants a subject that the profile names, exactly or by a pattern', () => {
  expect(ask({ subjects: ['alice@example.com'] }, { subject: 'alice@example.com' })).toEqual({
    ...PLAIN,
    subject: 'alice@example.com',
  });
  expect(
    ask({ subjects: ['bob@example.com', 'robot-*@example.com'] }, { subject: 'robot-1@example.com' }),
  ).toEqual({ ...PLAIN, subject: 'robot-1@example.com' });
});

test('acts for nobody unless asked to', () => {
  expect(ask({ subjects: ['alice@example.com'] })).toEqual(PLAIN);
});

test('denies every subject to a profile that names none', async () => {
  expect(await denialOf(() => ask({}, { subject: 'alice@example.com' }))).toBe(
    'The profile any acts for no user; leave subject out.',
  );
});

test('denies a subject that the profile does not name, and says whom it does', async () => {
  const subjects = ['alice@example.com', 'robot-*@example.com'];

  expect(await denialOf(() => ask({ subjects }, { subject: 'bob@example.com' }))).toBe(
    'The profile any does not allow the subject "bob@example.com"; it allows alice@example.com, robot-*@example.com.',
  );
});

test('does not repeat what looks like a token, although it has the form of a subject', async () => {
  const subject = 'ya29.canary@example.com';

  expect(await denialOf(() => ask({ subjects: ['alice@example.com'] }, { subject }))).not.toContain('canary');
});

test.each([600, 3_600, 7_200])(
  'denies the lifetime %d to a profile that has no maxLifetime',
  async (lifetime) => {
    expect(await denialOf(() => ask({}, { lifetime }))).toBe(
      'The profile any has no maxLifetime, so its callers choose no lifetime; leave it out.',
    );
  },
);

test.each([
  [600, 600, 600],
  [900, 600, 600],
  [900, 900, 900],
  [43_200, 43_200, 43_200],
  [43_200, 600, 600],
])('under a maxLifetime of %d grants the lifetime %d', (maxLifetime, lifetime, granted) => {
  expect(ask({ maxLifetime }, { lifetime })).toEqual({ ...PLAIN, lifetimeSeconds: granted });
});

test.each([
  [600, 601],
  [900, 3_600],
  [3_600, 3_601],
  [43_199, 43_200],
])('under a maxLifetime of %d denies the lifetime %d', async (maxLifetime, lifetime) => {
  expect(await denialOf(() => ask({ maxLifetime }, { lifetime }))).toBe(
    `The profile any allows a lifetime of ${maxLifetime} seconds at the most, and not of ${lifetime}.`,
  );
});

test.each([
  [600, 600],
  [3_599, 3_599],
  [3_600, 3_600],
  [3_601, 3_600],
  [43_200, 3_600],
])(
  'under a maxLifetime of %d a token that is not asked to live for a time lives for %d',
  (maxLifetime, granted) => {
    expect(ask({ maxLifetime })).toEqual({ ...PLAIN, lifetimeSeconds: granted });
  },
);

test('a grant has all that the profile says of how it is minted', () => {
  const impersonate = { serviceAccount: ACCOUNT, delegates: [DELEGATE] };

  expect(
    ask(
      {
        impersonate,
        credential: 'bigquery',
        boundary: [RULE],
        subjects: ['*@example.com'],
        maxLifetime: 7_200,
      },
      { subject: 'alice@example.com', lifetime: 3_600 },
    ),
  ).toEqual({
    ...PLAIN,
    credential: 'bigquery',
    impersonate,
    boundary: JSON.stringify({ accessBoundary: { accessBoundaryRules: [RULE] } }),
    subject: 'alice@example.com',
    lifetimeSeconds: 3_600,
  });
  expect(ask({ impersonate: { serviceAccount: ACCOUNT }, selfSigned: true })).toEqual({
    ...PLAIN,
    impersonate: { serviceAccount: ACCOUNT, delegates: [] },
    selfSigned: true,
  });
});

test('the grant of an ID token has of all this the impersonation alone', () => {
  const audience = 'https://example.com/f';
  const impersonate = { serviceAccount: ACCOUNT, delegates: [DELEGATE] };
  const everything = { audiences: [audience], impersonate, subjects: ['*@example.com'], maxLifetime: 7_200 };

  expect(ask({ ...everything, boundary: [RULE] }, { audience })).toEqual({
    kind: 'id_token',
    credential: 'default',
    audience,
    impersonate,
  });
  expect(ask({ audiences: [audience], selfSigned: true }, { audience })).toEqual({
    kind: 'id_token',
    credential: 'default',
    audience,
  });
});

test('denies a subject and a lifetime to a profile of audiences alone', async () => {
  const [callers] = parseProfiles({ callers: { audiences: ['https://example.com/f'] } }).values();

  for (const more of [{ subject: 'alice@example.com' }, { lifetimeSeconds: 600 }]) {
    const request = { kind: 'access_token', scopes: undefined, ...more } as const;
    expect(await denialOf(() => callers && authorize(callers, request))).toContain('vends no access tokens');
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

const USERS = ['alice@example.com', 'robot-1@example.com', 'robot-2@example.com', 'alice@example.org'];

const PROFILE = fc
  .record(
    {
      scopes: fc.subarray(SCOPES, { minLength: 1 }),
      audiences: fc.subarray(['https://example.com/f', 'https://example.com/*', 'https://a.run.app'], {
        minLength: 1,
      }),
      credential: fc.constantFrom('default', 'other'),
      impersonate: fc.constantFrom(
        { serviceAccount: ACCOUNT },
        { serviceAccount: ACCOUNT, delegates: [DELEGATE] },
      ),
      subjects: fc.subarray(['alice@example.com', 'robot-*@example.com'], { minLength: 1 }),
      maxLifetime: fc.integer({ min: 600, max: 43_200 }),
      selfSigned: fc.boolean(),
      boundary: fc.constant([RULE]),
    },
    { requiredKeys: [] },
  )
  .filter((document) => {
    try {
      return parseProfiles({ any: document }).size === 1;
    } catch {
      return false;
    }
  })
  .map((document) => ({ document, profile: parseProfiles({ any: document }).get('any') as Profile }));

const REQUEST: fc.Arbitrary<TokenRequest> = fc.oneof(
  fc.record({
    kind: fc.constant('id_token' as const),
    audience: fc.constantFrom('https://example.com/f', 'https://example.com/g', 'https://a.run.app'),
  }),
  fc.record(
    {
      kind: fc.constant('access_token' as const),
      scopes: fc.option(fc.subarray(SCOPES, { minLength: 1 }).map(expandScopes), { nil: undefined }),
      subject: fc.constantFrom(...USERS),
      lifetimeSeconds: fc.oneof(fc.integer({ min: 600, max: 43_200 }), fc.constantFrom(600, 3_600)),
    },
    { requiredKeys: ['kind', 'scopes'] },
  ),
);

/** Returns in how far a grant is more than the profile's document says, read without the vendor's own parser. */
function excessOf(document: ProfileDocument, request: TokenRequest, grant: Grant): readonly string[] {
  const { scopes = [], audiences = [], subjects = [], impersonate, boundary, credential } = document;
  const isFor = (patterns: readonly string[], text: string) =>
    patterns.some((one) => {
      const [before = '', after] = one.split('*');
      return after === undefined ? one === text : text.startsWith(before) && text.endsWith(after);
    });
  const common = [
    grant.kind !== request.kind && 'another kind of token',
    grant.credential !== (credential ?? 'default') && 'another credential',
    grant.impersonate?.serviceAccount !== impersonate?.serviceAccount && 'another account',
    JSON.stringify(grant.impersonate?.delegates ?? []) !== JSON.stringify(impersonate?.delegates ?? []) &&
      'another chain',
  ];
  if (grant.kind === 'id_token' || request.kind === 'id_token') {
    const audience = grant.kind === 'id_token' ? grant.audience : '';
    const asked = request.kind === 'id_token' ? request.audience : undefined;
    return [
      ...common,
      audience !== asked && 'an audience that was not asked for',
      !isFor(audiences, audience) && 'an audience of nobody’s',
      Object.keys(grant).some((name) => !/^(?:kind|credential|audience|impersonate)$/.test(name)) && 'more',
    ].filter((fault) => fault !== false);
  }
  const seconds = grant.lifetimeSeconds ?? 3_600;
  return [
    ...common,
    grant.scopes.split(' ').some((scope) => !expandScopes(scopes).includes(scope)) && 'a scope',
    request.scopes?.some((scope) => !grant.scopes.split(' ').includes(scope)) && 'a scope too few',
    grant.subject !== request.subject && 'a user who was not asked for',
    grant.subject !== undefined && !isFor(subjects, grant.subject) && 'a user',
    seconds > Math.max(document.maxLifetime ?? 3_600, 600) && 'a lifetime',
    seconds > 3_600 && seconds !== request.lifetimeSeconds && 'a lifetime that was not asked for',
    request.lifetimeSeconds !== undefined && seconds !== request.lifetimeSeconds && 'another lifetime',
    (grant.boundary === undefined) !== (boundary === undefined) && 'a boundary too few',
    (grant.selfSigned === true) !== (document.selfSigned === true) && 'another way of signing',
  ].filter((fault) => typeof fault === 'string');
}

test('no grant goes beyond its profile, whatever the profile and the request', () => {
  const outcomes = { granted: 0, denied: 0 };

  fc.assert(
    fc.property(PROFILE, REQUEST, ({ document, profile }, request) => {
      let grant: Grant;
      try {
        grant = authorize(profile, request);
      } catch (error) {
        expect(error).toMatchObject({ code: 'access_denied' });
        outcomes.denied += 1;
        return;
      }

      outcomes.granted += 1;
      expect(excessOf(document, request, grant)).toEqual([]);
    }),
    { numRuns: 5_000 },
  );

  expect(outcomes.granted).toBeGreaterThan(500);
  expect(outcomes.denied).toBeGreaterThan(500);
});

test('what a profile allows it does not deny, whatever else it says', () => {
  fc.assert(
    fc.property(PROFILE, fc.nat(), fc.nat(), ({ document, profile }, some, more) => {
      const { subjects, maxLifetime, audiences } = document;
      const user = subjects?.[some % subjects.length]?.replace('*', '1');
      const audience = audiences?.[some % audiences.length]?.replace('*', 'g');
      const lifetimeSeconds = maxLifetime && 600 + (more % (maxLifetime - 599));
      const requests: TokenRequest[] = [
        ...(document.scopes === undefined
          ? []
          : [
              {
                kind: 'access_token' as const,
                scopes: undefined,
                ...(user !== undefined && { subject: user }),
                ...(lifetimeSeconds !== undefined && { lifetimeSeconds }),
              },
            ]),
        ...(audience === undefined ? [] : [{ kind: 'id_token' as const, audience }]),
      ];

      expect(requests.map((request) => authorize(profile, request).kind)).toEqual(
        requests.map(({ kind }) => kind),
      );
    }),
    { numRuns: 1_000 },
  );
});
