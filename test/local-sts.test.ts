import fc from 'fast-check';
import { AwsClient } from 'google-auth-library';
import { createLocalJWKSet, createRemoteJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LocalSts, startSts } from '../local/aws/sts.ts';
import type { StsCredential } from '../local/aws/sts-actions.ts';
import {
  ACCOUNT,
  type Message,
  REGION,
  SESSION,
  type SigningOptions,
  sendMessage,
  signMessage,
  USER,
} from './local-aws-rig.ts';
import { needTool, runTool } from './optional-tool.ts';

const HOST = `sts.${REGION}.amazonaws.com`;
const AUDIENCE = '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/reporter`;
const IDENTITY_QUERY = 'Action=GetCallerIdentity&Version=2011-06-15';
const AWS_CLAIMS = 'https://sts.amazonaws.com/';
const FOREIGNER: StsCredential = {
  accessKeyId: 'ASIALOCALOTHER0000001',
  secretAccessKey: 'local/Secret+of/the+other00000000000001',
  principalArn: 'arn:aws:sts::999999999999:assumed-role/other/tuesday',
  webIdentity: {},
};
const EXPIRED: StsCredential = {
  ...SESSION,
  accessKeyId: 'ASIALOCALEXPIRED00001',
  expiresAtMs: Date.UTC(2026, 0, 1),
};

let sts: LocalSts;

beforeEach(async () => {
  sts = await startSts({
    region: REGION,
    accountId: ACCOUNT,
    credentials: [USER, { ...SESSION, webIdentity: {} }, FOREIGNER, EXPIRED],
  });
});

afterEach(() => sts.close());

/** Restarts the stand-in with one credential of the test's own. */
async function restart(credential: StsCredential, options: { region?: string; now?: () => number } = {}) {
  await sts.close();
  sts = await startSts({ region: REGION, accountId: ACCOUNT, credentials: [credential], ...options });
}

const GET: Message = { method: 'GET', target: `/?${IDENTITY_QUERY}`, headers: {} };
const POST: Message = {
  method: 'POST',
  target: '/',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: IDENTITY_QUERY,
};

function sign(message: Message, options: SigningOptions = {}): Promise<Message> {
  return signMessage(options.origin ?? sts.url, message, { service: 'sts', ...options });
}

async function call(message: Message, options: SigningOptions = {}) {
  const signed = await sign(message, options);
  const host = new URL(options.origin ?? sts.url).host;
  return sendMessage(sts, { ...signed, headers: { ...signed.headers, host } });
}

/** Asks for a token as the role, and for JSON, which is easier to read than XML. */
function askForToken(parameters: Readonly<Record<string, string>>, credential: StsCredential = SESSION) {
  const query = new URLSearchParams({
    Action: 'GetWebIdentityToken',
    Version: '2011-06-15',
    SigningAlgorithm: 'RS256',
    'Audience.member.1': 'https://receiver.example',
    ...parameters,
  });
  const target = `/?${query.toString().replaceAll('+', '%20')}`;
  return call({ method: 'POST', target, headers: { accept: 'application/json' } }, { credential });
}

async function tokenFor(parameters: Readonly<Record<string, string>>, credential?: StsCredential) {
  const { status, body } = await askForToken(parameters, credential);
  expect(status, body).toBe(200);
  const result = JSON.parse(body).GetWebIdentityTokenResponse.GetWebIdentityTokenResult;
  return { token: String(result.WebIdentityToken), expirationSeconds: Number(result.Expiration) };
}

/** Returns the code in an error's XML. */
function codeIn(body: string): string | undefined {
  return /<Code>(\w+)<\/Code>/.exec(body)?.[1];
}

test('tells an assumed role who it is, in the XML of AWS', async () => {
  const { status, headers, body } = await call(GET, { credential: SESSION });

  expect(status).toBe(200);
  expect(headers['content-type']).toBe('text/xml');
  expect(body).toMatch(
    /^<GetCallerIdentityResponse xmlns="https:\/\/sts\.amazonaws\.com\/doc\/2011-06-15\/">\n {2}<GetCallerIdentityResult>\n {4}<Arn>arn:aws:sts::123456789012:assumed-role\/reporter\/monday<\/Arn>\n {4}<UserId>AROA[0-9A-F]{17}:monday<\/UserId>\n {4}<Account>123456789012<\/Account>\n {2}<\/GetCallerIdentityResult>\n {2}<ResponseMetadata>\n {4}<RequestId>[\w-]{36}<\/RequestId>\n {2}<\/ResponseMetadata>\n<\/GetCallerIdentityResponse>$/,
  );
});

test.for([
  ['GET with a query', GET, {}],
  ['POST with a form', POST, {}],
  ['POST with a query and no body', { ...GET, method: 'POST' }, {}],
  ['GET, presigned', GET, { expiresInSeconds: 60 }],
  [
    'POST with Google’s header signed',
    { ...GET, method: 'POST', headers: { 'x-goog-cloud-target-resource': AUDIENCE } },
    {},
  ],
] as const)('accepts %s', async ([, message, options]) => {
  const { status, body } = await call(message, options);

  expect(status, body).toBe(200);
  expect(body).toContain(`<Arn>${USER.principalArn}</Arn>`);
});

test('answers in JSON to one who asks for it, refusals too', async () => {
  const headers = { accept: 'application/json' };

  const right = await call({ ...GET, headers });
  const wrong = await sendMessage(sts, { ...GET, headers });

  expect(JSON.parse(right.body)).toEqual({
    GetCallerIdentityResponse: {
      GetCallerIdentityResult: {
        Arn: USER.principalArn,
        UserId: expect.stringMatching(/^AIDA/),
        Account: ACCOUNT,
      },
      ResponseMetadata: { RequestId: expect.any(String) },
    },
  });
  expect(JSON.parse(wrong.body)).toEqual({
    Error: { Code: 'MissingAuthenticationToken', Message: expect.any(String), Type: 'Sender' },
    RequestId: expect.any(String),
  });
});

test.for([
  ['another secret', { credential: { ...USER, secretAccessKey: 'other' } }, 403, 'SignatureDoesNotMatch'],
  ['another service', { service: 'lambda' }, 403, 'SignatureDoesNotMatch'],
  ['another region', { region: 'us-east-1' }, 403, 'SignatureDoesNotMatch'],
  ['an old date', { signedAtMs: Date.UTC(2026, 0, 1) }, 403, 'SignatureDoesNotMatch'],
  ['an unknown key', { credential: { ...USER, accessKeyId: 'AKIAUNKNOWN' } }, 403, 'InvalidClientTokenId'],
  [
    'another session token',
    { credential: { ...SESSION, sessionToken: 'other' } },
    403,
    'InvalidClientTokenId',
  ],
  ['credentials that have ended', { credential: EXPIRED }, 403, 'ExpiredToken'],
] as const)('refuses what is signed with %s', async ([, options, status, code]) => {
  const reply = await call(GET, options);

  expect(reply.status).toBe(status);
  expect(codeIn(reply.body)).toBe(code);
  expect(reply.body).toContain('<Type>Sender</Type>');
});

test.for([
  ['no signature', {}, 403, 'MissingAuthenticationToken'],
  ['half a signature', { authorization: 'AWS4-HMAC-SHA256 Credential=AKIA' }, 400, 'IncompleteSignature'],
] as const)('refuses a request with %s', async ([, headers, status, code]) => {
  const reply = await sendMessage(sts, { ...GET, headers });

  expect(reply.status).toBe(status);
  expect(codeIn(reply.body)).toBe(code);
});

test.for([
  ['no action', '/?Version=2011-06-15', 'MissingAction'],
  ['an unknown action', '/?Action=AssumeRole&Version=2011-06-15', 'InvalidAction'],
  ['an inherited action', '/?Action=toString&Version=2011-06-15', 'InvalidAction'],
  ['no version', '/?Action=GetCallerIdentity', 'InvalidAction'],
  ['another version', '/?Action=GetCallerIdentity&Version=2012-06-15', 'InvalidAction'],
  ['an action given twice', `/?${IDENTITY_QUERY}&Action=GetCallerIdentity`, 'MalformedQueryString'],
  ['another path', `/sts?${IDENTITY_QUERY}`, 'InvalidAction'],
])('refuses a request with %s', async ([, target = '', code]) => {
  const { status, body } = await call({ ...GET, target });

  expect(status).toBeGreaterThanOrEqual(400);
  expect(codeIn(body)).toBe(code);
});

test('refuses a form whose body was changed after it was signed', async () => {
  const signed = await sign(POST);

  const { status, body } = await sendMessage(sts, { ...signed, body: `${IDENTITY_QUERY}&Extra=1` });

  expect(status).toBe(403);
  expect(codeIn(body)).toBe('SignatureDoesNotMatch');
});

test('refuses a page’s request and a rebound host, and reads neither', async () => {
  const signed = await sign(GET);

  const replies = [
    await sendMessage(sts, { ...signed, headers: { ...signed.headers, origin: 'https://evil.example' } }),
    await sendMessage(sts, { ...signed, headers: { ...signed.headers, host: 'evil.example' } }),
  ];

  expect(replies.map(({ status }) => status)).toEqual([403, 403]);
  expect(sts.requests).toEqual([]);
});

test('records actions and answers, and is interfered with as a test wants it', async () => {
  await call(GET);
  sts.interfere(() => ({ status: 503, body: 'away' }));

  const { status, body } = await call(GET);

  expect({ status, body }).toEqual({ status: 503, body: 'away' });
  expect(sts.requests).toEqual([
    { action: 'GetCallerIdentity', status: 200 },
    { action: 'GetCallerIdentity', status: 503 },
  ]);
});

test('says its own time in each answer, of a test’s too', async () => {
  const nowMs = Date.UTC(2031, 1, 2, 3, 4, 5);
  await restart(SESSION, { now: () => nowMs });
  const signed = await signMessage(sts.url, GET, { service: 'sts', credential: SESSION });
  const early = await sendMessage(sts, signed);
  sts.interfere(() => ({ status: 503, body: 'away' }));
  const away = await sendMessage(sts, GET);

  expect(early.body).toContain('<Code>SignatureDoesNotMatch</Code>');
  expect([early, away].map(({ headers }) => headers.date)).toEqual([
    'Sun, 02 Feb 2031 03:04:05 GMT',
    'Sun, 02 Feb 2031 03:04:05 GMT',
  ]);
});

test('goes by the name of a proxy in front of it once it is told so', async () => {
  const proxy = 'http://127.0.0.1:4566';
  const throughProxy = async () => {
    const signed = await signMessage(proxy, GET, { service: 'sts', credential: SESSION });
    const headers = { ...signed.headers, host: '127.0.0.1:4566' };
    return (await sendMessage(sts, { ...signed, headers })).status;
  };

  const before = await throughProxy();
  sts.alsoKnownAs(proxy);

  expect([before, await throughProxy()]).toEqual([403, 200]);
});

/** Google's own library, holding the role's credentials; no request leaves it for a subject token. */
function googleClient(credential: StsCredential = SESSION): AwsClient {
  return new AwsClient({
    type: 'external_account',
    audience: AUDIENCE,
    subject_token_type: 'urn:ietf:params:aws:token-type:aws4_request',
    token_url: 'https://sts.googleapis.com/v1/token',
    aws_security_credentials_supplier: {
      getAwsRegion: async () => REGION,
      getAwsSecurityCredentials: async () => ({
        accessKeyId: credential.accessKeyId,
        secretAccessKey: credential.secretAccessKey,
        ...(credential.sessionToken === undefined ? {} : { token: credential.sessionToken }),
      }),
    },
  });
}

type Token = { url: string; method: string; headers: { key: string; value: string }[] };

async function googleToken(credential?: StsCredential): Promise<Token> {
  return JSON.parse(decodeURIComponent(await googleClient(credential).retrieveSubjectToken()));
}

/** The same request with its headers by name, as one who has parsed it may hand it on. */
function withRecord(token: Token) {
  return { ...token, headers: Object.fromEntries(token.headers.map(({ key, value }) => [key, value])) };
}

const REPORTER = {
  arn: SESSION.principalArn,
  account: ACCOUNT,
  userId: expect.stringMatching(/^AROA[0-9A-F]{17}:monday$/),
};

test('finds the caller in the subject token of google-auth-library, encoded, decoded, or parsed', async () => {
  const encoded = await googleClient().retrieveSubjectToken();
  const decoded = decodeURIComponent(encoded);

  const identities = [
    await sts.replayIdentityRequest(encoded),
    await sts.replayIdentityRequest(decoded),
    await sts.replayIdentityRequest(JSON.parse(decoded)),
    await sts.replayIdentityRequest(withRecord(JSON.parse(decoded))),
  ];

  expect(identities).toEqual([REPORTER, REPORTER, REPORTER, REPORTER]);
  expect(decoded).not.toMatch(/SignedHeaders=[^,]*x-goog-cloud-target-resource/);
  expect(sts.requests).toHaveLength(4);
});

/** A subject token as the product makes it: Google's header is signed as well. */
async function signedToken(origin = `https://${HOST}`): Promise<Token> {
  const message = {
    method: 'POST',
    target: `/?${IDENTITY_QUERY}`,
    headers: { host: new URL(origin).host, 'x-goog-cloud-target-resource': AUDIENCE },
  };
  const { target, headers } = await sign(message, { origin, credential: SESSION });
  const list = Object.entries(headers).map(([key, value]) => ({ key, value: String(value) }));
  return {
    url: `${origin}${target}`,
    method: 'POST',
    headers: [{ key: 'host', value: new URL(origin).host }, ...list.filter(({ key }) => key !== 'host')],
  };
}

test('finds the caller in a token whose Google header is signed', async () => {
  const token = await signedToken();

  await expect(sts.replayIdentityRequest(token)).resolves.toEqual(REPORTER);
  expect(JSON.stringify(token)).toMatch(/SignedHeaders=[^,]*x-goog-cloud-target-resource/);
});

function setHeader(token: Token, name: string, value: string): Token {
  const headers = token.headers.map((header) => (header.key === name ? { ...header, value } : header));
  return { ...token, headers };
}

test.for<[string, (token: Token) => unknown, string]>([
  [
    'Google’s signed header changed',
    (token) => setHeader(token, 'x-goog-cloud-target-resource', 'another'),
    'SignatureDoesNotMatch',
  ],
  [
    'the date changed',
    (token) => setHeader(token, 'x-amz-date', '20260101T000000Z'),
    'SignatureDoesNotMatch',
  ],
  [
    'the session token changed',
    (token) => setHeader(token, 'x-amz-security-token', 'another'),
    'InvalidClientTokenId',
  ],
  ['the host changed', (token) => setHeader(token, 'host', 'sts.amazonaws.com'), 'InvalidSubjectToken'],
  [
    'another region’s host',
    (token) => ({ ...token, url: token.url.replace(REGION, 'us-east-1') }),
    'InvalidSubjectToken',
  ],
  [
    'a host that is not AWS’s',
    (token) => ({ ...token, url: token.url.replace('amazonaws.com', 'amazonaws.com.evil.example') }),
    'InvalidSubjectToken',
  ],
  [
    'a user in the url',
    (token) => ({ ...token, url: token.url.replace('https://', 'https://a@') }),
    'InvalidSubjectToken',
  ],
  ['plain http', (token) => ({ ...token, url: token.url.replace('https', 'http') }), 'InvalidSubjectToken'],
  [
    'another action',
    (token) => ({ ...token, url: token.url.replace('GetCallerIdentity', 'GetWebIdentityToken') }),
    'InvalidSubjectToken',
  ],
  ['a parameter more', (token) => ({ ...token, url: `${token.url}&a=b` }), 'InvalidSubjectToken'],
  ['another method', (token) => ({ ...token, method: 'GET' }), 'InvalidSubjectToken'],
  [
    'a header twice',
    (token) => ({ ...token, headers: [...token.headers, { key: 'Host', value: HOST }] }),
    'InvalidSubjectToken',
  ],
  [
    'a header with a line break',
    (token) => setHeader(token, 'x-goog-cloud-target-resource', 'a\nb'),
    'InvalidSubjectToken',
  ],
  [
    'no authorization',
    (token) => ({ ...token, headers: token.headers.filter(({ key }) => key !== 'authorization') }),
    'InvalidSubjectToken',
  ],
])('refuses a subject token with %s', async ([, tamper, code]) => {
  const token = await signedToken();

  const identity = await sts.replayIdentityRequest(tamper(token));

  expect(identity).toEqual({ kind: 'refused', type: code, message: expect.any(String) });
});

test('refuses the subject token of a stranger, of ended credentials, and what is none at all', async () => {
  const stranger = await googleToken({ ...SESSION, secretAccessKey: 'another' });
  const ended = await googleToken(EXPIRED);

  const refusals = [
    await sts.replayIdentityRequest(stranger),
    await sts.replayIdentityRequest(ended),
    await sts.replayIdentityRequest('%E0%A4%A'),
    await sts.replayIdentityRequest(undefined),
  ];

  expect(refusals.map((refusal) => 'kind' in refusal && refusal.type)).toEqual([
    'SignatureDoesNotMatch',
    'ExpiredToken',
    'InvalidSubjectToken',
    'InvalidSubjectToken',
  ]);
});

test('finds no caller while STS is away', async () => {
  const token = await googleToken();
  sts.interfere(() => 'reset');

  await expect(sts.replayIdentityRequest(token)).resolves.toMatchObject({
    kind: 'refused',
    type: 'ServiceUnavailable',
  });
});

test('finds a caller in nothing that was not signed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.json(), fc.anything()), async (garbage) => {
      const identity = await sts.replayIdentityRequest(garbage);

      expect(identity).toMatchObject({ kind: 'refused', type: expect.any(String) });
    }),
    { numRuns: 200 },
  );
});

test('finds no caller once any one character of a signature is another', async () => {
  const token = await googleToken();
  const authorization = token.headers.find(({ key }) => key === 'authorization')?.value ?? '';
  const start = authorization.length - 64;

  await fc.assert(
    fc.asyncProperty(fc.nat(63), fc.integer({ min: 1, max: 15 }), async (at, shift) => {
      const digit = Number.parseInt(authorization[start + at] ?? '', 16);
      const other = ((digit + shift) % 16).toString(16);
      const forged = `${authorization.slice(0, start + at)}${other}${authorization.slice(start + at + 1)}`;

      const identity = await sts.replayIdentityRequest(setHeader(token, 'authorization', forged));

      expect(identity).toMatchObject({ kind: 'refused', type: 'SignatureDoesNotMatch' });
    }),
    { numRuns: 100 },
  );
});

test.for(['RS256', 'ES384'] as const)(
  'issues a token that its own JWKS verifies, by %s',
  async (algorithm) => {
    const { token, expirationSeconds } = await tokenFor({ SigningAlgorithm: algorithm });

    const { payload, protectedHeader } = await jwtVerify(token, createRemoteJWKSet(new URL(sts.jwksUrl)), {
      issuer: sts.issuer,
      audience: 'https://receiver.example',
      subject: ROLE,
      algorithms: [algorithm],
    });

    expect(protectedHeader).toEqual({ alg: algorithm, kid: expect.any(String), typ: 'JWT' });
    expect(payload).toEqual({
      iss: expect.stringMatching(
        /^https:\/\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tokens\.sts\.global\.api\.aws$/,
      ),
      aud: 'https://receiver.example',
      sub: ROLE,
      iat: expect.any(Number),
      exp: (payload.iat ?? 0) + 300,
      jti: expect.any(String),
      [AWS_CLAIMS]: { aws_account: ACCOUNT, source_region: REGION, principal_id: ROLE },
    });
    expect(expirationSeconds).toBe(payload.exp);
  },
);

test('publishes where its keys are, under the issuer’s name and without a private part', async () => {
  const discovery = await fetch(`${sts.url}/.well-known/openid-configuration`);
  const jwks = await fetch(sts.jwksUrl);

  await expect(discovery.json()).resolves.toMatchObject({
    issuer: sts.issuer,
    jwks_uri: `${sts.issuer}/.well-known/jwks.json`,
    id_token_signing_alg_values_supported: ['RS256', 'ES384'],
  });
  const { keys } = (await jwks.json()) as { keys: Record<string, unknown>[] };
  expect(keys.map(({ kty, alg }) => [kty, alg])).toEqual([
    ['RSA', 'RS256'],
    ['EC', 'ES384'],
  ]);
  expect(keys.some((key) => 'd' in key)).toBe(false);
});

test('puts tags, several audiences and the session’s end into a token', async () => {
  const nowMs = Date.now();
  const expiresAtMs = nowMs + 7_200_000;
  await restart({
    ...SESSION,
    webIdentity: {},
    expiresAtMs,
    roleArn: `arn:aws:iam::${ACCOUNT}:role/path/reporter`,
  });

  const { token } = await tokenFor({
    'Audience.member.2': 'second',
    DurationSeconds: '3600',
    'Tags.member.1.Key': 'team',
    'Tags.member.1.Value': 'data/more: 1',
  });

  const claims = decodeJwt(token);
  expect(claims).toMatchObject({
    aud: ['https://receiver.example', 'second'],
    sub: `arn:aws:iam::${ACCOUNT}:role/path/reporter`,
    [AWS_CLAIMS]: {
      request_tags: { team: 'data/more: 1' },
      original_session_exp: new Date(expiresAtMs).toISOString().replace(/\.\d{3}/, ''),
    },
  });
  expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(3_600);
});

test('speaks of a user by the user’s own ARN', async () => {
  const user = { ...USER, webIdentity: {} };
  await restart(user);

  const { token } = await tokenFor({}, user);

  expect(decodeJwt(token).sub).toBe(USER.principalArn);
});

test('does not verify with the keys of another account', async () => {
  const { token } = await tokenFor({});
  const other = await startSts({ region: REGION, accountId: '210987654321', credentials: [] });
  const keys: JSONWebKeySet = JSON.parse(await (await fetch(other.jwksUrl)).text());
  await other.close();

  await expect(jwtVerify(token, createLocalJWKSet(keys))).rejects.toMatchObject({
    code: 'ERR_JWKS_NO_MATCHING_KEY',
  });
  expect(other.issuer).not.toBe(sts.issuer);
});

function refusalIn(body: string): { Code: string; Message: string } {
  return JSON.parse(body).Error;
}

test.for([
  ['no permission', USER, {}, 'AccessDenied'],
  [
    'another audience than the policy has',
    { ...USER, webIdentity: { audiences: ['a'] } },
    {},
    'AccessDenied',
  ],
  [
    'one audience more than the policy has',
    { ...USER, webIdentity: { audiences: ['https://receiver.example'] } },
    { 'Audience.member.2': 'b' },
    'AccessDenied',
  ],
  [
    'a longer life than the policy has',
    { ...USER, webIdentity: { maxDurationSeconds: 60 } },
    { DurationSeconds: '61' },
    'AccessDenied',
  ],
  [
    'another account than the one with federation',
    FOREIGNER,
    {},
    'OutboundWebIdentityFederationDisabledException',
  ],
  [
    'a life beyond the session’s',
    { ...SESSION, webIdentity: {}, expiresAtMs: Date.now() + 250_000 },
    {},
    'SessionDurationEscalationException',
  ],
] as const)('refuses a token to %s', async ([, credential, parameters, code]) => {
  await restart(credential);

  const { status, body } = await askForToken(parameters, credential);

  expect(status).toBe(403);
  expect(refusalIn(body).Code).toBe(code);
});

test('names in a refusal who lacks which permission', async () => {
  const { body } = await askForToken({}, USER);

  expect(refusalIn(body).Message).toContain(
    `User: ${USER.principalArn} is not authorized to perform: sts:GetWebIdentityToken`,
  );
});

test.for<[string, Readonly<Record<string, string>>]>([
  ['an algorithm that STS does not have', { SigningAlgorithm: 'ES256' }],
  ['an empty audience', { 'Audience.member.1': '' }],
  ['an audience of 1,001 characters', { 'Audience.member.1': 'a'.repeat(1_001) }],
  ['a life under a minute', { DurationSeconds: '59' }],
  ['a life over an hour', { DurationSeconds: '3601' }],
  ['a life that is no whole number', { DurationSeconds: '6e2' }],
  ['a tag without a value', { 'Tags.member.1.Key': 'a' }],
  ['a parameter that STS does not know', { Audience: 'a' }],
  [
    'eleven audiences',
    Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`Audience.member.${index + 1}`, 'a'])),
  ],
])('refuses a token with %s', async ([, parameters]) => {
  const { status, body } = await askForToken(parameters);

  expect(status).toBe(400);
  expect(refusalIn(body).Code).toBe('ValidationError');
});

test('gives a caller’s identity on the global endpoint, but no token', async () => {
  const origin = 'https://sts.amazonaws.com';
  const options = { origin, credential: SESSION, region: 'us-east-1' };
  await restart({ ...SESSION, webIdentity: {} }, { region: 'us-east-1' });
  const query = 'Action=GetWebIdentityToken&Audience.member.1=a&SigningAlgorithm=RS256&Version=2011-06-15';

  const identity = await call(GET, options);
  const token = await call({ ...GET, target: `/?${query}` }, options);

  expect(identity.status, identity.body).toBe(200);
  expect(token.status).toBe(400);
  expect(codeIn(token.body)).toBe('InvalidAction');
});

test('serves the AWS CLI: get-caller-identity and get-web-identity-token', async (context) => {
  await needTool(context, 'aws', ['sts', 'get-web-identity-token', 'help']);
  const environment = {
    AWS_ACCESS_KEY_ID: SESSION.accessKeyId,
    AWS_SECRET_ACCESS_KEY: SESSION.secretAccessKey,
    AWS_SESSION_TOKEN: SESSION.sessionToken ?? '',
    AWS_DEFAULT_REGION: REGION,
  };
  const aws = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    runTool('aws', ['sts', ...args, '--endpoint-url', sts.url, '--output', 'json'], {
      ...environment,
      ...more,
    });

  const identity = await aws(['get-caller-identity']);
  const token = await aws(['get-web-identity-token', '--audience', 'a', 'b', '--signing-algorithm', 'RS256']);
  const stranger = await aws(['get-caller-identity'], { AWS_SECRET_ACCESS_KEY: 'other' });

  expect(identity, identity.stderr).toMatchObject({ status: 0 });
  expect(JSON.parse(identity.stdout)).toMatchObject({ Arn: SESSION.principalArn, Account: ACCOUNT });
  expect(token, token.stderr).toMatchObject({ status: 0 });
  const { WebIdentityToken, Expiration } = JSON.parse(token.stdout);
  const { aud, sub, exp = 0 } = decodeJwt(WebIdentityToken);
  expect({ aud, sub }).toEqual({ aud: ['a', 'b'], sub: ROLE });
  expect(Date.parse(Expiration)).toBe(exp * 1000);
  expect(stranger.stderr).toContain('SignatureDoesNotMatch');
});
