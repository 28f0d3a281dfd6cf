import { generateKeyPairSync } from 'node:crypto';
import http from 'node:http';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createAudit } from '../lambda/audit.ts';
import type { Clock } from '../lambda/google/clock.ts';
import { createClock } from '../lambda/google/clock.ts';
import type { PostResponse } from '../lambda/google/post.ts';
import { createHandler, type Handler } from '../lambda/handler.ts';
import { type ProfilesDocument, parseProfiles } from '../lambda/policy/profiles.ts';
import type { Vendor } from '../lambda/vendor.ts';
import { secretsManagerError } from '../local/aws/secrets-manager.ts';
import { captureOutput, type Output } from './capture-output.ts';
import { type Leak, type LeakyClouds, startLeakyClouds } from './leaky-clouds.ts';
import { TARGET, USER } from './make-clouds.ts';
import { contextFor, httpApiEvent } from './make-event.ts';
import { PROFILES, SECRET, startVendorRig, thrownBy, type VendorRig } from './vendor-rig.ts';

/** What must be nowhere but in the answer that it is for. */
const ACCESS_TOKEN = 'ya29.c.CANARYaccessTOKENcanaryACCESStokenCANARY';
const ID_TOKEN = `eyJhbGciOiJSUzI1NiJ9.${Buffer.from('{"aud":"CANARY","exp":4102444800}').toString('base64url')}.CANARYsignature`;
const TEXT = 'CANARY+of+a+secret+value+that+is+in+no+known+form';
const PEM = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();
const PIECE = 24;

/** An answer to the last byte, made from the assertion that was sent. */
type RawAnswer = (assertion: string) => string;

let rig: VendorRig;
/** A new one for each test, with nothing warm in it. */
let vendor: Vendor;
let output: Output;
let clouds: LeakyClouds;
let evil: { readonly url: string; answer: RawAnswer; readonly assertions: string[]; close: () => void };

async function startEvilGoogle(): Promise<typeof evil> {
  const assertions: string[] = [];
  const state = { answer: (() => '') as RawAnswer };
  const server = http.createServer(async (request) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk);
    }
    const assertion = new URLSearchParams(Buffer.concat(chunks).toString()).get('assertion') ?? '';
    assertions.push(assertion);
    request.socket.end(state.answer(assertion));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return Object.assign(state, { url: `http://127.0.0.1:${port}`, assertions, close });
}

beforeAll(async () => {
  evil = await startEvilGoogle();
  rig = await startVendorRig({ realAudit: true });
  clouds = await startLeakyClouds();
});

afterAll(async () => {
  evil.close();
  vi.unstubAllEnvs();
  await Promise.all([rig.close(), clouds.close()]);
});

beforeEach(() => {
  output = captureOutput();
  rig.secretsManager.putSecretValue(SECRET, { string: JSON.stringify(rig.firstKey) });
  vendor = rig.anotherVendor();
});

afterEach(() => {
  vi.restoreAllMocks();
  rig.secretsManager.interfere(undefined);
});

/** Every piece of every secret that could still be of use, so that a half of one is found too. */
function piecesOf(secrets: readonly string[]): readonly string[] {
  return secrets.flatMap((secret) => {
    const bare = secret.replace(/-----[A-Z ]+-----/g, '');
    const parts = bare.split(/[\s.]+/).filter((part) => part.length >= PIECE);
    return parts.flatMap((part) => [part.slice(0, PIECE), part.slice(-PIECE)]);
  });
}

function leaksIn(text: string, secrets: readonly string[]): readonly string[] {
  return piecesOf([...secrets, ...evil.assertions]).filter((piece) => text.includes(piece));
}

type Outcome = { readonly seen: string; readonly names: readonly unknown[] };

/** Asks through both kinds of door; `seen` is all that a caller can make of what comes back. */
async function askEverywhere(
  handler: Handler,
  parameters: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const query = new URLSearchParams(parameters).toString();
  const http = await handler(httpApiEvent({ query }), contextFor(undefined));
  const thrown = await thrownBy(handler(parameters, contextFor(undefined)));
  const fields = Object.getOwnPropertyNames(thrown ?? {});
  const seen = [
    JSON.stringify(http),
    JSON.stringify(thrown, fields),
    inspect(thrown, { showHidden: true, depth: Number.POSITIVE_INFINITY, getters: true }),
    String(thrown),
  ].join('\n');
  const { error } = JSON.parse((http as { body: string }).body);
  return { seen, names: [error, thrown?.name] };
}

function putKeyFor(origin: string): void {
  const key = { ...rig.firstKey, token_uri: `${origin}/token` };
  rig.secretsManager.putSecretValue(SECRET, { string: JSON.stringify(key) });
}

function answerOf(status: string, body: string, headers = ''): string {
  return `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
}

const REFUSED = ['google_refused', 'GoogleRefused'];
const UNAVAILABLE = ['google_unavailable', 'GoogleUnavailable'];

const GOOGLES: [string, RawAnswer, readonly string[]][] = [
  [
    'repeats the assertion in its refusal',
    (a) => answerOf('400 Bad Request', JSON.stringify({ error: a, error_description: `bad: ${a}` })),
    REFUSED,
  ],
  [
    'has a token in its refusal',
    () => answerOf('403 No', JSON.stringify({ error: ACCESS_TOKEN, error_description: ID_TOKEN })),
    REFUSED,
  ],
  ['has the assertion in the reason', (a) => answerOf(`400 ${a}`, a, `x-echo: ${a}\r\n`), REFUSED],
  [
    'redirects to the assertion',
    (a) => answerOf('302 Found', '', `location: http://127.0.0.1:9/?${a}\r\n`),
    REFUSED,
  ],
  [
    'gives the other kind of token',
    () => answerOf('200 OK', JSON.stringify({ id_token: ID_TOKEN })),
    REFUSED,
  ],
  [
    'gives a token without a lifetime',
    () => answerOf('200 OK', JSON.stringify({ access_token: ACCESS_TOKEN })),
    REFUSED,
  ],
  [
    'fails with the assertion in its error',
    (a) => answerOf('500 No', JSON.stringify({ error: a, error_description: ACCESS_TOKEN })),
    UNAVAILABLE,
  ],
  ['gives garbage around a token', (a) => answerOf('200 OK', `<p>${a} ${ACCESS_TOKEN}</p>`), UNAVAILABLE],
  [
    'breaks off behind a token',
    () => `HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{"access_token":"${ACCESS_TOKEN}"`,
    UNAVAILABLE,
  ],
  ['speaks no HTTP', (a) => `${a} ${ACCESS_TOKEN}\r\n\r\n`, UNAVAILABLE],
  ['has a broken header', (a) => `HTTP/1.1 200 OK\r\n${a}\u0000: ${ACCESS_TOKEN}\r\n\r\n`, UNAVAILABLE],
  ['says too much', (a) => answerOf('200 OK', `${a}${ACCESS_TOKEN}`.repeat(300)), UNAVAILABLE],
];

test.for(GOOGLES)('tells nobody a token or an assertion when Google %s', async ([, answer, names]) => {
  evil.answer = answer;
  putKeyFor(evil.url);

  const outcome = await askEverywhere(vendor.handler);
  const secrets = [ACCESS_TOKEN, ID_TOKEN, rig.firstKey.private_key];

  expect(outcome.names).toEqual(names);
  expect(evil.assertions.length).toBeGreaterThan(0);
  expect(leaksIn(outcome.seen, secrets)).toEqual([]);
  expect(leaksIn(output.text(), secrets)).toEqual([]);
});

function sdkAnswer(body: unknown) {
  return { status: 200, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

const SECRETS_MANAGERS = [
  ['answers with garbage around a key', sdkAnswer(`<p>${PEM}${TEXT}</p>`)],
  ['answers with half of a key', sdkAnswer(`{"SecretString":"${TEXT}`)],
  ['answers with the wrong type', sdkAnswer({ SecretString: { text: TEXT, pem: PEM }, VersionId: 'x' })],
  ['answers with a list', sdkAnswer({ SecretString: [TEXT], VersionId: 'x' })],
  ['answers with bytes that are no text', sdkAnswer({ SecretBinary: '/////w==', VersionId: TEXT })],
  ['answers with bytes that are no base64', sdkAnswer({ SecretBinary: { TEXT }, VersionId: TEXT })],
  ['names a key in its error', secretsManagerError('InternalFailure', `${TEXT} ${PEM}`, 500)],
  ['names a key in the kind of its error', secretsManagerError('AccessDeniedException', `${TEXT} ${PEM}`)],
] as const;

test.for(SECRETS_MANAGERS)('tells nobody a secret when Secrets Manager %s', async ([, answer]) => {
  rig.secretsManager.interfere(() => answer);

  const outcome = await askEverywhere(vendor.handler);

  expect(outcome.names[0]).toMatch(/^(credential_(invalid|unavailable)|server_error)$/);
  expect(leaksIn(outcome.seen, [TEXT, PEM])).toEqual([]);
  expect(leaksIn(output.text(), [TEXT, PEM])).toEqual([]);
});

const DOMAIN = 'canary-of-a-secret-value.example.com';

const DOCUMENTS: [string, (key: Readonly<Record<string, string>>) => unknown][] = [
  ['is no JSON', () => `${TEXT}${PEM}`],
  ['is a JSON text', () => JSON.stringify(`${TEXT}${PEM}`)],
  ['is half a key file', (key) => JSON.stringify(key).slice(0, 900)],
  ['has a canary for a type', (key) => ({ ...key, type: TEXT })],
  ['has a canary for an issuer', (key) => ({ ...key, client_email: { TEXT } })],
  ['has a canary for a key id', (key) => ({ ...key, private_key_id: [TEXT] })],
  ['has a canary for a token URI', (key) => ({ ...key, token_uri: `https://${DOMAIN}/${TEXT}` })],
  [
    'has a canary in the user of its token URI',
    (key) => ({ ...key, token_uri: `https://${TEXT}@x.googleapis.com/` }),
  ],
  ['has a canary for a universe', (key) => ({ ...key, universe_domain: TEXT })],
  [
    'has a canary for a well-formed universe',
    (key) => ({ ...key, universe_domain: DOMAIN, token_uri: 'https://elsewhere.example/' }),
  ],
  ['has a key with a hole', (key) => ({ ...key, private_key: PEM.replace(/\n.{40}/, '\n') })],
  ['has a key without an end', (key) => ({ ...key, private_key: PEM.slice(0, 600) })],
  ['has a key escaped twice', (key) => ({ ...key, private_key: PEM.replaceAll('\n', '\\n') })],
  ['has a canary for a key', (key) => ({ ...key, private_key: TEXT })],
  [
    'has a canary inside a key',
    (key) => ({ ...key, private_key: `-----BEGIN PRIVATE KEY-----\n${TEXT}\n-----END PRIVATE KEY-----\n` }),
  ],
];

test.for(DOCUMENTS)('shows nothing of a secret that %s', async ([, makeDocument]) => {
  const document = makeDocument({ ...rig.firstKey, private_key: PEM });
  const string = typeof document === 'string' ? document : JSON.stringify(document);
  rig.secretsManager.putSecretValue(SECRET, { string });

  const outcome = await askEverywhere(vendor.handler);

  expect(outcome.names).toEqual(['credential_invalid', 'CredentialInvalid']);
  expect(leaksIn(outcome.seen, [TEXT, PEM, DOMAIN])).toEqual([]);
  expect(leaksIn(output.text(), [TEXT, PEM, DOMAIN])).toEqual([]);
});

test('writes no token, key or assertion when all goes well, and the token only into the answer', async () => {
  const direct = await vendor.handler({}, contextFor(undefined));
  const answer = await rig.get('scopes=storage-ro');
  const idToken = await rig.get(
    `audience=${encodeURIComponent('https://europe-west1-example.cloudfunctions.net/hello')}`,
  );
  await rig.get('scopes=storage-ro');
  const tokens = [
    (direct as { access_token: string }).access_token,
    String(answer.body.access_token),
    String(idToken.body.id_token),
  ];
  const { access_token: _, ...rest } = answer.body;

  expect(leaksIn(output.text(), [...tokens, rig.firstKey.private_key])).toEqual([]);
  expect(leaksIn(JSON.stringify([rest, answer.headers]), tokens)).toEqual([]);
  expect(output.text()).toContain('"outcome":"vended"');
});

const SURPRISES: [string, unknown][] = [
  ['an error that names a token', new TypeError(`no ${ACCESS_TOKEN} of ${ID_TOKEN}`)],
  ['an error that names a key', new Error(`cannot read ${PEM}`)],
  ['an error with a secret in its fields', Object.assign(new Error('boom'), { secret: TEXT, code: 7 })],
  ['an error with a secret in its cause', new Error('boom', { cause: new Error(TEXT) })],
  [
    'an error with a secret in its stack',
    Object.assign(new Error('boom'), { stack: `x\n${PEM}\n${ID_TOKEN}` }),
  ],
  ['no error', TEXT],
  ['nothing', undefined],
];

test.for(SURPRISES)(
  'gives a caller nothing and the log no secret when a defect throws %s',
  async ([, thrown]) => {
    const handler = createHandler({
      profiles: parseProfiles(PROFILES),
      mint: () => Promise.reject(thrown),
      clock: createClock() satisfies Clock,
      audit: createAudit({ serviceName: 'vendor' }),
    });

    const outcome = await askEverywhere(handler);

    expect(outcome.names).toEqual(['server_error', 'ServerError']);
    expect(leaksIn(outcome.seen, [ACCESS_TOKEN, ID_TOKEN, PEM, TEXT])).toEqual([]);
    expect(leaksIn(output.text(), [ACCESS_TOKEN, ID_TOKEN, PEM, TEXT])).toEqual([]);
    expect(outcome.seen).not.toContain('boom');
  },
);

test('repeats no credential that a caller put into the wrong place', async () => {
  const misplaced = [
    { audience: ID_TOKEN },
    { scopes: ACCESS_TOKEN },
    { scopes: [PEM] },
    { [ACCESS_TOKEN]: '' },
    { [PEM]: '' },
    { access_token: ID_TOKEN },
    { audience: `https://elsewhere.example/${ID_TOKEN}` },
    { audience: `https://elsewhere.example/?token=${ACCESS_TOKEN}` },
  ];

  const thrown = await Promise.all(
    misplaced.map((event) => thrownBy(vendor.handler(event, contextFor(undefined)))),
  );

  expect(thrown.map((error) => error?.name)).toEqual(
    misplaced.map(() => expect.stringMatching(/InvalidRequest|AccessDenied/)),
  );
  expect(leaksIn(inspect(thrown), [ACCESS_TOKEN, ID_TOKEN, PEM])).toEqual([]);
  expect(leaksIn(output.text(), [ACCESS_TOKEN, ID_TOKEN, PEM])).toEqual([]);
});

const AUDIENCE = 'https://europe-west1-example.cloudfunctions.net/hello';
const ACCESS = { scopes: ['cloud-platform'] };
const AS_TARGET = { ...ACCESS, impersonate: { serviceAccount: TARGET } };
const BOUNDARY = [
  {
    availableResource: '//storage.googleapis.com/projects/_/buckets/reports',
    availablePermissions: ['inRole:roles/storage.objectViewer'],
  },
];

/** Each way to a token: the credential, the profile, what is asked for, and how many requests it takes. */
const CHAINS: readonly (readonly [
  what: string,
  document: string,
  profile: ProfilesDocument['default'],
  parameters: Readonly<Record<string, string>>,
  links: number,
])[] = [
  ['a signed request', 'signed request', ACCESS, {}, 1],
  ['a signed request and the profile’s impersonation', 'signed request', AS_TARGET, {}, 2],
  ['a signed request and its own impersonation', 'signed request, impersonating', ACCESS, {}, 2],
  [
    'a signed request, for a user',
    'signed request, impersonating',
    { ...ACCESS, subjects: [USER] },
    { subject: USER },
    3,
  ],
  ['a signed request, self-signed', 'signed request, impersonating', { ...ACCESS, selfSigned: true }, {}, 2],
  ['a signed request, downscoped', 'signed request', { ...AS_TARGET, boundary: BOUNDARY }, {}, 3],
  [
    'a signed request, for an audience',
    'signed request, impersonating',
    { audiences: [AUDIENCE] },
    { audience: AUDIENCE },
    2,
  ],
  ['an OIDC token', 'OIDC token', ACCESS, {}, 2],
  ['an OIDC token and impersonation', 'OIDC token', AS_TARGET, {}, 3],
  ['a key and impersonation', 'key', { ...AS_TARGET, maxLifetime: 7_200 }, { lifetime: '7200' }, 2],
  ['a key, downscoped', 'key', { ...ACCESS, boundary: BOUNDARY }, {}, 2],
  ['a user and impersonation', 'user', AS_TARGET, {}, 2],
];

function reply(status: number, body: unknown, headers: PostResponse['headers'] = {}): PostResponse {
  return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

const LEAKS: readonly (readonly [how: string, leak: Leak])[] = [
  ['repeats it in a refusal', (sent) => reply(400, { error: sent, error_description: `bad: ${sent}` })],
  [
    'repeats it in a refusal that it knows',
    (sent) => reply(400, { error: 'invalid_grant', error_description: sent }),
  ],
  [
    'repeats it in an API’s refusal',
    (sent) => reply(403, { error: { status: sent, message: sent, details: [sent] } }),
  ],
  [
    'repeats it as AWS does',
    (sent) => reply(403, `<Error><Code>${sent}</Code><Message>${sent}</Message></Error>`),
  ],
  [
    'repeats it in AWS’s words',
    (sent) => reply(403, `<Error><Code>SignatureDoesNotMatch</Code><Message>${sent}</Message></Error>`),
  ],
  ['fails with it', (sent) => reply(500, { error: sent, error_description: sent }, { 'retry-after': '0' })],
  ['answers garbage', (sent) => reply(200, `<p>${sent}</p>`)],
  [
    'answers with it in the wrong places',
    (sent) =>
      reply(200, {
        access_token: [sent],
        accessToken: { sent },
        id_token: `${sent}`,
        token: 7,
        signedJwt: '',
        expires_in: sent,
        expireTime: sent,
        scope: sent,
      }),
  ],
  [
    'redirects to it',
    (sent) => reply(302, '', { location: `https://evil.example/?${encodeURIComponent(sent)}` }),
  ],
  ['has it in its headers', (sent) => reply(429, '', { 'retry-after': sent, date: sent, 'x-echo': sent })],
  ['breaks with it', (sent) => new Error(`cannot send ${sent}`, { cause: new Error(sent) })],
  [
    'breaks with it in its stack',
    (sent) => Object.assign(new Error('broken'), { stack: `x\n  at ${sent}`, sent }),
  ],
];

const LEAKY_LINKS = CHAINS.flatMap(([what, document, profile, parameters, links]) =>
  Array.from({ length: links }, (_, index) => ({ what, document, profile, parameters, index })),
);

function documentOf(name: string): object {
  const document = clouds.documents[name];
  if (document === undefined) {
    throw new Error(`there is no document ${name}`);
  }
  return document;
}

test.for(LEAKY_LINKS)(
  'tells nobody what is secret on the way of $what, whatever its link $index does',
  async ({ document, profile = {}, parameters, index }) => {
    const outcomes: unknown[] = [];
    const leaks: unknown[] = [];

    for (const [how, leak] of LEAKS) {
      const audit = createAudit({ serviceName: 'vendor' });
      const leaky = clouds.vendorOf(documentOf(document), { default: profile }, audit, { index, leak });
      const { seen, names } = await askEverywhere(leaky.handler, parameters);
      outcomes.push(names[1]);
      leaks.push(...leaksIn(seen, clouds.secrets()).map((piece) => [how, 'answer', piece]));
      leaks.push(...leaksIn(output.text(), clouds.secrets()).map((piece) => [how, 'log', piece]));
    }

    expect(leaks).toEqual([]);
    expect(new Set(outcomes)).toEqual(
      new Set(outcomes.filter((name) => /^(?:Google|Credential)/.test(`${name}`))),
    );
    expect(output.text()).toContain('"message":"refused"');
  },
);

test.for(CHAINS)(
  'gives by %s the token that is asked for, and no other secret to anybody',
  async ([, document, profile = {}, parameters, links]) => {
    const audit = createAudit({ serviceName: 'vendor' });
    const { handler, posted } = clouds.vendorOf(documentOf(document), { default: profile }, audit);

    const answer = (await handler(parameters, contextFor(undefined))) as Readonly<Record<string, string>>;
    const { access_token: access, id_token: id, ...rest } = answer;
    const given = access ?? id ?? '';
    const others = clouds.secrets().filter((secret) => secret !== given);

    expect(posted()).toBe(links);
    expect(given.length).toBeGreaterThan(24);
    expect(others.filter((secret) => given.includes(secret))).toEqual([]);
    expect(leaksIn(JSON.stringify(rest), clouds.secrets())).toEqual([]);
    expect(leaksIn(output.text(), [...clouds.secrets(), given])).toEqual([]);
    expect(output.text()).toContain('"outcome":"vended"');
  },
);

test('tells nobody a secret of the function’s own, whatever KMS answers', async () => {
  vi.stubEnv('AWS_ENDPOINT_URL_KMS', clouds.leakyKms.url);
  const names: unknown[] = [];
  const leaks: unknown[] = [];

  for (let number = 0; number < clouds.leakyKms.answers; number += 1) {
    clouds.leakyKms.answerNumber = number;
    const audit = createAudit({ serviceName: 'vendor' });
    const { handler, posted } = clouds.vendorOf(documentOf('KMS key'), { default: ACCESS }, audit);
    const outcome = await askEverywhere(handler);
    names.push(outcome.names[1]);
    leaks.push(...leaksIn(outcome.seen, clouds.secrets()), ...leaksIn(output.text(), clouds.secrets()));
    expect(posted()).toBe(0);
  }

  expect(leaks).toEqual([]);
  expect(names.filter((name) => !/^Credential(?:Invalid|Unavailable)$/.test(`${name}`))).toEqual([]);
});

test('writes no self-signed token, and no signature of KMS’s', async () => {
  vi.unstubAllEnvs();
  const audit = createAudit({ serviceName: 'vendor' });
  const profiles = { default: { ...ACCESS, selfSigned: true } };
  const { handler, posted } = clouds.vendorOf(documentOf('key'), profiles, audit);

  const { access_token: token } = (await handler({}, contextFor(undefined))) as { access_token: string };

  expect(posted()).toBe(0);
  expect(token).toMatch(/^eyJ/);
  expect(leaksIn(output.text(), [token])).toEqual([]);
});

test('tells nobody what AWS’s credentials are when they cannot be had', async () => {
  const [, sessionToken = ''] = clouds.secrets();
  const failures = [
    new Error(`cannot use ${sessionToken}`),
    Object.assign(new Error('boom'), { code: sessionToken, credentials: { sessionToken } }),
    new Error('boom', { cause: new Error(sessionToken) }),
  ];

  for (const failure of failures) {
    for (const name of ['signed request', 'OIDC token', 'KMS key']) {
      const audit = createAudit({ serviceName: 'vendor' });
      const { handler } = clouds.vendorOf(documentOf(name), { default: ACCESS }, audit, {
        credentials: () => Promise.reject(failure),
      });
      const outcome = await askEverywhere(handler);
      expect(outcome.names).toEqual(['credential_unavailable', 'CredentialUnavailable']);
      expect(leaksIn(outcome.seen, [sessionToken])).toEqual([]);
    }
  }

  expect(leaksIn(output.text(), [sessionToken])).toEqual([]);
});

test('repeats no secret of AWS’s or of federation’s that a caller put into the wrong place', async () => {
  // A bare signature has the form of a name; no one would know it without what it signs.
  const known = clouds.secrets().filter((secret) => !/^(?:-----|[0-9a-f]{64}$)/.test(secret));
  const secrets = [...known, `Signature=${'0123456789abcdef'.repeat(4)}`];
  const profiles = { default: { ...ACCESS, subjects: ['*@example.com'], maxLifetime: 3_600 } };
  const { handler } = clouds.vendorOf(documentOf('key'), profiles, createAudit({ serviceName: 'vendor' }));
  const misplaced = secrets.flatMap((secret) => [
    { subject: secret },
    { subject: `${secret}@example.com` },
    { lifetime: secret },
    { scope: secret },
    { [secret]: '' },
    // An AWS secret key looks like a path, and would be taken for one.
    ...(/^(?:IQoJ|eyJ|ya29|%7B|Sig)/.test(secret) ? [{ audience: `https://example.com/${secret}` }] : []),
  ]);

  const ends = await Promise.all(misplaced.map((event) => thrownBy(handler(event, contextFor(undefined)))));

  expect(secrets.length).toBeGreaterThan(10);
  expect(ends.filter((error) => !/^(?:InvalidRequest|AccessDenied)$/.test(`${error?.name}`))).toEqual([]);
  expect(leaksIn(inspect(ends), secrets)).toEqual([]);
  expect(leaksIn(output.text(), secrets)).toEqual([]);
});
