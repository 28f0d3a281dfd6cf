import { afterAll, beforeAll, describe, expect, onTestFinished, type TestContext, test, vi } from 'vitest';
import type { Aws, AwsCredentials } from '../lambda/aws/aws-environment.ts';
import type { ProfileDocument } from '../lambda/policy/profiles.ts';
import type { Exchange } from '../local/google/exchanges.ts';
import { type Fault, type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { type Clouds, type DocumentName, startClouds, TARGET } from './make-clouds.ts';
import { contextFor, httpApiEvent } from './make-event.ts';
import { type VendorOfDocument, vendorOf } from './make-vendor.ts';
import { type HttpAnswer, readHttp } from './vendor-rig.ts';

const AUDIENCES = 'https://europe-west1-example.cloudfunctions.net/*';
const MINUTE_MS = 60_000;
/** An invocation's whole time, where something hangs. The vendor keeps back half a second of it. */
const SHORT_MS = 1_500;

const ACCESS: ProfileDocument = { scopes: ['cloud-platform', 'storage-ro'], audiences: [AUDIENCES] };
const BOUNDED: ProfileDocument = {
  ...ACCESS,
  boundary: [
    {
      availableResource: '//storage.googleapis.com/projects/_/buckets/reports',
      availablePermissions: ['inRole:roles/storage.objectViewer'],
    },
  ],
};

const IS_TOKEN = ({ path }: Pick<Exchange, 'path'>) => path === '/token';
type Seen = Pick<Exchange, 'path' | 'targetAudience'>;

const IS_STS = ({ path }: Seen) => path === '/v1/token';
/** It names no provider. */
const IS_DOWNSCOPING = (exchange: Seen) => IS_STS(exchange) && exchange.targetAudience === undefined;
const IS_IAM = ({ path }: Seen) => path.includes('/serviceAccounts/');

/** What a link answers instead, in the terms of all the stand-ins. */
type Reply =
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  | 'reset'
  | 'hang';

/** Both clouds, their time, and the documents of {@link Clouds} as they were made once. */
type World = {
  readonly clouds: Clouds;
  readonly documents: Readonly<Record<DocumentName, object>>;
  readonly now: () => number;
  /** Moves the clocks of both clouds, and of the vendors that go by `now`. */
  readonly advance: (ms: number) => void;
};

async function startWorld(): Promise<World> {
  let aheadMs = 0;
  const now = () => Date.now() + aheadMs;
  const clouds = await startClouds({ now });
  const advance = (ms: number) => {
    aheadMs += ms;
  };
  return { clouds, documents: await clouds.documents(), now, advance };
}

/** Lets every stand-in answer for itself again. */
function settle({ google, kms, sts }: Clouds): void {
  for (const standIn of [google, kms, sts]) {
    standIn.interfere(undefined);
  }
}

/** One service of a chain: what stands for it, and a set-up in which everything goes through it. */
type Link = {
  readonly name: string;
  readonly isAws?: true;
  readonly urlOf: (clouds: Clouds) => string;
  /** Returns a document whose way to a token leads over `url` for this link, and over nothing else of the rig's. */
  readonly documentOf: (world: World, url: string) => object;
  readonly profile?: ProfileDocument;
  readonly interfere: (clouds: Clouds, reply: (() => Reply | undefined) | undefined) => void;
  /** How often it has been asked. */
  readonly asked: (clouds: Clouds) => number;
  /** How often it is asked for an answer that cannot be read, if not three times. */
  readonly triesForGarbage?: number;
  /** One more where the connection had been used: what finds a kept one dead goes out again at once. */
  readonly triesForReset?: number;
};

function googleLink(isAsked: (exchange: Seen) => boolean): Pick<Link, 'urlOf' | 'interfere' | 'asked'> {
  return {
    urlOf: ({ google }) => google.url,
    interfere: ({ google }, reply) =>
      google.interfere(reply && ((exchange) => (isAsked(exchange) ? reply() : undefined))),
    asked: ({ google }) => google.exchanges.filter(isAsked).length,
  };
}

const LINKS: readonly Link[] = [
  {
    name: 'the token endpoint',
    ...googleLink(IS_TOKEN),
    documentOf: ({ documents }, url) => ({ ...documents['service account key'], token_uri: `${url}/token` }),
  },
  {
    name: 'Google’s STS',
    ...googleLink(IS_STS),
    documentOf: ({ documents }, url) => ({
      ...documents['federation, signed request'],
      token_url: `${url}/v1/token`,
    }),
  },
  {
    name: 'IAM Credentials',
    ...googleLink(IS_IAM),
    documentOf: ({ documents, clouds: { google } }, url) => ({
      ...documents['federation with impersonation'],
      service_account_impersonation_url: google.impersonationUrl(TARGET).replace(google.url, url),
    }),
  },
  {
    name: 'the STS that downscopes',
    // What the proxy does meets the federation before it, at the same address.
    ...googleLink(IS_DOWNSCOPING),
    documentOf: ({ documents }, url) => ({
      ...documents['federation with impersonation'],
      token_url: `${url}/v1/token`,
    }),
    profile: BOUNDED,
    triesForReset: 4,
  },
  {
    name: 'AWS’s STS',
    isAws: true,
    urlOf: ({ sts }) => sts.url,
    documentOf: ({ documents }) => documents['federation, OIDC token'],
    interfere: ({ sts }, reply) => sts.interfere(reply),
    asked: ({ sts }) => sts.requests.filter(({ action }) => action === 'GetWebIdentityToken').length,
  },
  {
    name: 'KMS',
    isAws: true,
    urlOf: ({ kms }) => kms.url,
    documentOf: ({ documents }) => documents['AWS KMS key'],
    interfere: ({ kms }, reply) => kms.interfere(reply),
    asked: ({ kms }) => kms.requests.filter(({ action }) => action === 'Sign').length,
    // The SDK takes it for final.
    triesForGarbage: 1,
  },
];

type GetOptions = { readonly query?: string; readonly remainingMs?: number };

type Rig = {
  /** Between the vendor and the link. */
  readonly road: FaultProxy;
  readonly get: (options?: GetOptions) => Promise<HttpAnswer>;
  readonly interfere: (reply: (() => Reply | undefined) | undefined) => void;
  /** How often the link has been asked in this test. */
  readonly asked: () => number;
  readonly advance: (ms: number) => void;
  readonly now: () => number;
};

type Finish = Pick<TestContext, 'onTestFinished'>;

async function startRig(link: Link, world: World, { onTestFinished: finish }: Finish): Promise<Rig> {
  const { clouds, now, advance } = world;
  const road = await startFaultProxy(link.urlOf(clouds));
  for (const standIn of [clouds.google, clouds.sts, clouds.kms]) {
    standIn.alsoKnownAs(road.url);
  }
  if (link.name === 'KMS') {
    // Which is how the SDK finds it; no other link's chain has it.
    vi.stubEnv('AWS_ENDPOINT_URL_KMS', road.url);
  }
  const aws: Aws = link.name === 'AWS’s STS' ? { ...clouds.aws, stsUrl: road.url } : clouds.aws;
  const profiles = { default: link.profile ?? ACCESS };
  const vendor = vendorOf(link.documentOf(world, road.url), { profiles, aws, now });
  finish(async () => {
    vendor.close();
    settle(clouds);
    await road.close();
  });
  const askedBefore = link.asked(clouds);

  return {
    road,
    get: async ({ query = 'scope=storage-ro', remainingMs = 29_000 } = {}) =>
      readHttp(await vendor.handler(httpApiEvent({ query }), contextFor('default', remainingMs))),
    interfere: (reply) => link.interfere(clouds, reply),
    asked: () => link.asked(clouds) - askedBefore,
    advance,
    now,
  };
}

function summary({ status, headers, body }: HttpAnswer) {
  return { status, error: body.error, retryAfter: headers['retry-after'] };
}

type Summary = ReturnType<typeof summary>;

const REFUSED: Summary = { status: 502, error: 'google_refused', retryAfter: undefined };

function unavailable({ isAws }: Link): Summary {
  const error = isAws ? 'credential_unavailable' : 'google_unavailable';
  return { status: 503, error, retryAfter: '5' };
}

const SECRETS = /ya29\.|eyJ|A[KS]IA|AWS4-HMAC|PRIVATE KEY|canary|a-session-token/;

/** Nothing of what a link said or was sent may be in what a caller is told. */
function expectDiscreet({ body, headers }: HttpAnswer): void {
  expect(JSON.stringify({ body, headers })).not.toMatch(SECRETS);
}

/** Whatever waits for the next try waits for less than that. */
const LATER_MS = 16_000;

const GARBAGE = { status: 200, body: '<html>captive portal, ya29.canary</html>' };
const LONG_TEXT = 'x'.repeat(1_000_000);
const HUGE = { status: 200, body: `{"access_token":"ya29.canary${LONG_TEXT}","Signature":"${LONG_TEXT}"}` };
const TOO_MANY = { status: 429, headers: { 'retry-after': '30' }, body: '{}' };

const ANSWERS: readonly [what: string, reply: Reply, kind: 'down' | 'garbage'][] = [
  ['answers 500', { status: 500, body: 'oops, ya29.canary' }, 'down'],
  ['answers 503', { status: 503, body: '' }, 'down'],
  ['resets every connection', 'reset', 'down'],
  ['answers garbage', GARBAGE, 'garbage'],
  ['answers with a megabyte', HUGE, 'garbage'],
];

const ROADS: readonly [what: string, fault: Fault][] = [
  ['is slower than the invocation is long', { kind: 'delay', ms: 20_000 }],
  ['drips its answer', { kind: 'slow', bytes: 1, everyMs: 100 }],
  ['breaks off in the head of its answer', { kind: 'half', bytes: 20 }],
  ['breaks off in the body of its answer', { kind: 'half', bytes: 300 }],
  ['resets when it is connected to', { kind: 'reset', when: 'connect' }],
  ['resets when it is asked', { kind: 'reset', when: 'request' }],
];

const PASSING: readonly [what: string, replies: readonly Reply[]][] = [
  ['answers 503 once', [{ status: 503, body: '' }]],
  [
    'answers 500 two times',
    [
      { status: 500, body: '' },
      { status: 500, body: '' },
    ],
  ],
  ['resets once', ['reset']],
];

/** Most of the time they wait. So the links have their tests beside each other, and each of them one after the other. */
const IN_TURN = { concurrent: false } as const;
vi.setConfig({ maxConcurrency: LINKS.length });

describe.concurrent.each(LINKS.map((link) => [link.name, link] as const))('%s', (_name, link) => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld();
  });

  afterAll(async () => {
    await world.clouds.close();
    vi.unstubAllEnvs();
  });

  const start = (context: Finish) => startRig(link, world, context);

  test.for(ANSWERS)(
    'says so while it %s, and is asked again later',
    IN_TURN,
    async ([, reply, kind], context) => {
      const rig = await start(context);
      rig.interfere(() => reply);

      const during = await rig.get();
      const asked = rig.asked();
      rig.interfere(undefined);
      rig.advance(LATER_MS);
      const after = await rig.get();

      expect(summary(during)).toEqual(unavailable(link));
      const forReset = reply === 'reset' ? (link.triesForReset ?? 3) : 3;
      expect(asked).toBe(kind === 'garbage' ? (link.triesForGarbage ?? 3) : forReset);
      expectDiscreet(during);
      expect(after.status).toBe(200);
    },
  );

  test('says so if it answers 200 without a token, and is asked again later', IN_TURN, async (context) => {
    const rig = await start(context);
    rig.interfere(() => ({ status: 200, body: '{"expires_in":3599}' }));

    const during = await rig.get();
    rig.interfere(undefined);
    rig.advance(LATER_MS);
    const after = await rig.get();

    expect(summary(during)).toEqual(link.isAws ? unavailable(link) : REFUSED);
    expectDiscreet(during);
    expect(after.status).toBe(200);
  });

  test.for(ROADS)(
    'ends in time while it %s, and is asked again later',
    IN_TURN,
    async ([, fault], context) => {
      const rig = await start(context);
      rig.road.set(fault);
      const startedAtMs = Date.now();

      const during = await rig.get({ remainingMs: SHORT_MS });
      const tookMs = Date.now() - startedAtMs;
      rig.road.set({ kind: 'pass' });
      rig.advance(LATER_MS);
      const after = await rig.get();

      expect(summary(during)).toEqual(unavailable(link));
      expect(tookMs).toBeLessThan(SHORT_MS);
      expectDiscreet(during);
      expect(after.status).toBe(200);
    },
  );

  test(
    'ends in time for each of many callers while it hangs, and is asked again later',
    IN_TURN,
    async (context) => {
      const rig = await start(context);
      rig.road.set({ kind: 'hang' });
      const queries = [
        'scope=storage-ro',
        'scope=cloud-platform',
        'scope=storage-ro',
        'scope=cloud-platform',
      ];
      const startedAtMs = Date.now();

      const during = await Promise.all(queries.map((query) => rig.get({ query, remainingMs: SHORT_MS })));
      const tookMs = Date.now() - startedAtMs;
      rig.road.set({ kind: 'pass' });
      rig.advance(LATER_MS);
      const after = await rig.get();

      expect(during.map(summary)).toEqual(queries.map(() => unavailable(link)));
      expect(tookMs).toBeLessThan(SHORT_MS);
      expect(after.status).toBe(200);
    },
  );

  test('says so while nobody listens', IN_TURN, async (context) => {
    const rig = await start(context);
    await rig.road.close();

    const during = await rig.get();

    expect(summary(during)).toEqual(unavailable(link));
    expect(during.body.error_description).toMatch(/ECONNREFUSED/);
    expectDiscreet(during);
  });

  test('is waited for if it is only slow', IN_TURN, async (context) => {
    const rig = await start(context);
    rig.road.set({ kind: 'delay', ms: 300 });

    const answer = await rig.get();

    expect(answer.status).toBe(200);
    expect(rig.asked()).toBe(1);
  });

  test.for(PASSING)('costs no caller a word if it %s', IN_TURN, async ([, replies], context) => {
    const rig = await start(context);
    const left = [...replies];
    rig.interfere(() => left.shift());

    const answer = await rig.get();

    expect(answer.status).toBe(200);
    expect(rig.asked()).toBe(replies.length + 1);
  });

  test.skipIf(link.triesForGarbage === 1)(
    'costs no caller a word if it answers garbage, and then a megabyte',
    IN_TURN,
    async (context) => {
      const rig = await start(context);
      const left = [GARBAGE, HUGE];
      rig.interfere(() => left.shift());

      const answer = await rig.get();

      expect(answer.status).toBe(200);
      expect(rig.asked()).toBe(3);
    },
  );

  test('is not followed where it redirects to', IN_TURN, async (context) => {
    const rig = await start(context);
    const elsewhere = await startFaultProxy(rig.road.url);
    context.onTestFinished(elsewhere.close);
    rig.interfere(() => ({ status: 307, headers: { location: elsewhere.url }, body: '' }));

    const during = await rig.get();

    expect(summary(during)).toEqual(link.isAws ? unavailable(link) : REFUSED);
    expect(elsewhere.connections()).toBe(0);
  });

  test(
    'costs no caller more than his time if it asks to be left alone for half a minute',
    IN_TURN,
    async (context) => {
      const rig = await start(context);
      rig.interfere(() => TOO_MANY);
      const startedAtMs = Date.now();

      const during = await rig.get({ remainingMs: SHORT_MS });

      expect(summary(during)).toMatchObject({ status: 503, error: unavailable(link).error });
      expect(Date.now() - startedAtMs).toBeLessThan(SHORT_MS);
    },
  );

  test.skipIf(link.isAws)(
    'is left alone for as long as it asks to be, and the caller hears until when',
    IN_TURN,
    async (context) => {
      const rig = await start(context);
      rig.interfere(() => TOO_MANY);

      const first = await rig.get();
      const second = await rig.get({ query: 'scope=cloud-platform' });
      const asked = rig.asked();
      rig.interfere(undefined);
      rig.advance(31_000);
      const after = await rig.get();

      expect(summary(first)).toEqual({ ...unavailable(link), retryAfter: '30' });
      expect(summary(second)).toMatchObject({ status: 503, error: 'google_unavailable' });
      expect(Number(second.headers['retry-after'])).toBeGreaterThan(20);
      expect(asked).toBe(1);
      expect(after.status).toBe(200);
    },
  );

  test.skipIf(link.isAws)(
    'is waited for within the request if it asks for a second',
    IN_TURN,
    async (context) => {
      const rig = await start(context);
      const left = [{ ...TOO_MANY, headers: { 'retry-after': '1' } }];
      rig.interfere(() => left.shift());
      const startedAtMs = Date.now();

      const answer = await rig.get();

      expect(answer.status).toBe(200);
      expect(Date.now() - startedAtMs).toBeGreaterThanOrEqual(1_000);
    },
  );

  test('is not missed by any caller while a token is cached', IN_TURN, async (context) => {
    const rig = await start(context);
    const first = await rig.get();
    const endMs = Date.parse(`${first.body.expires_at}`);
    const scale = Math.min(1, Number(first.body.expires_in) / (20 * 60));
    rig.interfere(() => ({ status: 503, body: '' }));
    const at = async (leftMs: number) => {
      rig.advance(endMs - rig.now() - leftMs * scale);
      return await rig.get({ remainingMs: 5_000 });
    };

    const served = [await at(11 * MINUTE_MS), await at(8 * MINUTE_MS), await at(5 * MINUTE_MS)];
    const ended = await at(0);
    rig.interfere(undefined);
    rig.advance(LATER_MS);
    const after = await rig.get();

    expect(served.map(({ body }) => body.access_token)).toEqual(served.map(() => first.body.access_token));
    expect(summary(ended)).toEqual(unavailable(link));
    expect(after.status).toBe(200);
    expect(after.body.access_token).not.toBe(first.body.access_token);
  });
});

/** A chain of several links, with how often each is asked on the way to one token. */
type Chain = {
  readonly documentOf: (world: World) => object;
  readonly profile?: ProfileDocument;
  readonly calls: Calls;
};

type Calls = {
  readonly kms: number;
  readonly awsSts: number;
  readonly token: number;
  readonly sts: number;
  readonly iam: number;
};

const NONE: Calls = { kms: 0, awsSts: 0, token: 0, sts: 0, iam: 0 };

function callsOf({ google, kms, sts }: Clouds): Calls {
  const count = (isAsked: (exchange: Exchange) => boolean) => google.exchanges.filter(isAsked).length;
  return {
    kms: kms.requests.filter(({ action }) => action === 'Sign').length,
    awsSts: sts.requests.filter(({ action }) => action === 'GetWebIdentityToken').length,
    token: count(IS_TOKEN),
    sts: count(IS_STS),
    iam: count(IS_IAM),
  };
}

const IMPERSONATING: Readonly<Record<string, Chain>> = {
  'a key impersonates': {
    documentOf: ({ documents }) => documents['impersonated service account'],
    calls: { ...NONE, token: 1, iam: 1 },
  },
  'a key in KMS impersonates': {
    documentOf: ({ documents }) => ({
      ...documents['impersonated service account'],
      source_credentials: documents['AWS KMS key'],
    }),
    calls: { ...NONE, kms: 1, token: 1, iam: 1 },
  },
  'a signed request impersonates': {
    documentOf: ({ documents }) => documents['federation with impersonation'],
    calls: { ...NONE, sts: 1, iam: 1 },
  },
  'an OIDC token impersonates': {
    documentOf: ({ clouds: { google }, documents }) => ({
      ...documents['federation, OIDC token'],
      service_account_impersonation_url: google.impersonationUrl(TARGET),
    }),
    calls: { ...NONE, awsSts: 1, sts: 1, iam: 1 },
  },
  'the profile has a key impersonate': {
    documentOf: ({ documents }) => documents['service account key'],
    profile: { ...ACCESS, impersonate: { serviceAccount: TARGET } },
    calls: { ...NONE, token: 1, iam: 1 },
  },
};

const CHAINS: Readonly<Record<string, Chain>> = {
  ...IMPERSONATING,
  'a key in KMS signs': {
    documentOf: ({ documents }) => documents['AWS KMS key'],
    calls: { ...NONE, kms: 1, token: 1 },
  },
  'a signed request is exchanged': {
    documentOf: ({ documents }) => documents['federation, signed request'],
    calls: { ...NONE, sts: 1 },
  },
  'an OIDC token is exchanged': {
    documentOf: ({ documents }) => documents['federation, OIDC token'],
    calls: { ...NONE, awsSts: 1, sts: 1 },
  },
  'what a key got is downscoped': {
    documentOf: ({ documents }) => documents['service account key'],
    profile: BOUNDED,
    calls: { ...NONE, token: 1, sts: 1 },
  },
  'what an impersonated account got is downscoped': {
    documentOf: ({ documents }) => documents['impersonated service account'],
    profile: BOUNDED,
    calls: { ...NONE, token: 1, iam: 1, sts: 1 },
  },
};

type ChainRig = {
  readonly clouds: Clouds;
  readonly vendor: VendorOfDocument;
  readonly advance: (ms: number) => void;
  /** Changes the function's AWS credentials from here on. */
  readonly rotate: (changes: Partial<AwsCredentials>) => void;
  /** How often each link has been asked since it was last said. */
  readonly calls: () => Calls;
};

let shared: World;

beforeAll(async () => {
  shared = await startWorld();
});

afterAll(async () => {
  await shared.clouds.close();
});

function startChain({ documentOf, profile = ACCESS }: Chain): ChainRig {
  const { clouds, now, advance } = shared;
  vi.stubEnv('AWS_ENDPOINT_URL_KMS', clouds.kms.url);
  let changes: Partial<AwsCredentials> = {};
  const credentials = async () => ({ ...(await clouds.aws.credentials()), ...changes });
  const aws = { ...clouds.aws, credentials };
  const vendor = vendorOf(documentOf(shared), { profiles: { default: profile }, aws, now });
  onTestFinished(() => {
    vendor.close();
    vi.unstubAllEnvs();
    settle(clouds);
  });
  let before = callsOf(clouds);

  return {
    clouds,
    vendor,
    advance,
    rotate: (next) => {
      changes = next;
    },
    calls: () => {
      const total = callsOf(clouds);
      const since = {
        kms: total.kms - before.kms,
        awsSts: total.awsSts - before.awsSts,
        token: total.token - before.token,
        sts: total.sts - before.sts,
        iam: total.iam - before.iam,
      };
      before = total;
      return since;
    },
  };
}

function scope(name: 'storage-ro' | 'cloud-platform') {
  return { scopes: [name] };
}

test.each(Object.entries(CHAINS))('asks each link one time for twelve callers: %s', async (_, chain) => {
  const { vendor, calls } = startChain(chain);

  const answers = await Promise.all(Array.from({ length: 12 }, () => vendor.ask(scope('storage-ro'))));
  const first = calls();
  await vendor.ask(scope('storage-ro'));

  expect(new Set(answers.map(({ access_token }) => access_token)).size).toBe(1);
  expect(first).toEqual(chain.calls);
  expect(calls()).toEqual(NONE);
});

/** Callers who come together have never the same time left to the millisecond. */
function remainingOf(caller: number): number {
  return 20_000 + 50 * caller;
}

test.each(Object.entries(IMPERSONATING))(
  'gets one source token for twelve callers who want different things: %s',
  async (_, chain) => {
    const { vendor, calls } = startChain(chain);

    await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        vendor.handler(
          { audience: `https://europe-west1-example.cloudfunctions.net/f${n}` },
          contextFor('default', remainingOf(n)),
        ),
      ),
    );

    expect(calls()).toEqual({ ...chain.calls, iam: 12 });
  },
);

/** Breaks whatever is before IAM Credentials. */
function breakSource({ google, kms, sts }: Clouds): void {
  const away = { status: 503, body: '' };
  google.interfere((exchange) => (IS_IAM(exchange) ? undefined : away));
  kms.interfere(() => away);
  sts.interfere(() => away);
}

test.each(Object.entries(IMPERSONATING))(
  'impersonates with the source token that it has while its source is down: %s',
  async (_, chain) => {
    const { clouds, vendor, calls, advance } = startChain(chain);
    await vendor.ask(scope('storage-ro'));
    calls();
    breakSource(clouds);

    const during = await vendor.ask(scope('cloud-platform'));
    const asked = calls();
    advance(MINUTE_MS * 61);
    const ended = await vendor.refused(scope('cloud-platform'));
    settle(clouds);
    advance(LATER_MS);
    const after = await vendor.ask(scope('cloud-platform'));

    expect(during.access_token).toMatch(/^ya29\./);
    expect(asked).toEqual({ ...NONE, iam: 1 });
    expect(ended).toMatch(/^(?:Google|Credential)Unavailable: /);
    expect(ended).not.toMatch(SECRETS);
    expect(after.access_token).not.toBe(during.access_token);
  },
);

test.each(Object.entries(IMPERSONATING))(
  'does not come again with a source token that Google rejected: %s',
  async (_, chain) => {
    const { clouds, vendor, calls, advance } = startChain(chain);
    await vendor.ask(scope('storage-ro'));
    calls();
    clouds.google.interfere((exchange) =>
      IS_IAM(exchange)
        ? { status: 401, body: { error: { status: 'UNAUTHENTICATED', message: 'ya29.canary' } } }
        : undefined,
    );

    const during = await vendor.refused(scope('cloud-platform'));
    const asked = calls();
    clouds.google.interfere(undefined);
    advance(LATER_MS);
    await vendor.ask(scope('cloud-platform'));

    expect(during).toMatch(/^GoogleRefused: .*UNAUTHENTICATED/);
    expect(during).not.toMatch(SECRETS);
    // With a new one it is tried once more, which is as good as it gets.
    expect(asked).toEqual({ ...chain.calls, iam: chain.calls.iam + 1 });
    expect(calls()).toEqual(chain.calls);
  },
);

test.each(Object.entries(IMPERSONATING))(
  'gets a new source token a minute before the old one ends, and none before: %s',
  async (_, chain) => {
    const { vendor, calls, advance } = startChain(chain);
    await vendor.ask(scope('storage-ro'));
    calls();
    advance(3_599_000 - 70_000);
    await vendor.ask({ audience: 'https://europe-west1-example.cloudfunctions.net/before' });
    const before = calls();
    advance(11_000);
    await vendor.ask({ audience: 'https://europe-west1-example.cloudfunctions.net/after' });

    expect(before).toEqual({ ...NONE, iam: 1 });
    expect(calls()).toEqual(chain.calls);
  },
);

const BY_AWS = Object.entries(CHAINS).filter(
  ([, { calls }]) => calls.awsSts > 0 || (calls.sts > 0 && calls.token === 0),
);

test.each(BY_AWS)('takes up AWS credentials that have rotated at the next mint: %s', async (_, chain) => {
  const { vendor, rotate, advance } = startChain(chain);
  await vendor.ask(scope('storage-ro'));

  advance(MINUTE_MS * 61);
  rotate({ accessKeyId: 'ASIAUNKNOWNUNKNOWN01' });
  const unknown = await vendor.refused(scope('storage-ro'));
  advance(LATER_MS);
  rotate({});
  const known = await vendor.ask(scope('storage-ro'));

  expect(unknown).toMatch(/AWS does not know/);
  expect(known.access_token).toMatch(/^ya29\./);
});
