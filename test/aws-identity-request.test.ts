import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Aws, AwsCredentials } from '../lambda/aws/aws-environment.ts';
import { signIdentityRequest } from '../lambda/aws/aws-identity-request.ts';
import { type LocalSts, startSts } from '../local/aws/sts.ts';
import { START_MS } from './make-time.ts';

const ACCOUNT = '123456789012';
const REGION = 'eu-west-1';
const ARN = `arn:aws:sts::${ACCOUNT}:assumed-role/vendor/function`;
const AUDIENCE =
  '//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/pool/providers/aws';
const QUERY = 'Action=GetCallerIdentity&Version=2011-06-15';
const REGIONAL = `https://sts.{region}.amazonaws.com?${QUERY}`;
const SECRET = 'local/Secret+of/the+function0000000000001';
const SESSION_TOKEN = 'local//session+token==';
const ROLE_KEYS: AwsCredentials = {
  accessKeyId: 'ASIALOCALLOCALLOCAL1',
  secretAccessKey: SECRET,
  sessionToken: SESSION_TOKEN,
};
const USER_KEYS: AwsCredentials = { accessKeyId: 'AKIALOCALLOCALLOCAL1', secretAccessKey: SECRET };

type Header = { readonly key: string; readonly value: string };
type SubjectToken = { readonly url: string; readonly method: string; readonly headers: readonly Header[] };

let sts: LocalSts;
let nowMs = START_MS;

beforeAll(async () => {
  const credentials = [ROLE_KEYS, USER_KEYS].map((keys) => ({ ...keys, principalArn: ARN }));
  sts = await startSts({ region: REGION, accountId: ACCOUNT, credentials, now: () => nowMs });
});

afterAll(() => sts.close());

function awsOf(keys: AwsCredentials = ROLE_KEYS, region = REGION): Aws {
  return { region: async () => region, credentials: async () => keys };
}

function sign(verificationUrl = REGIONAL, aws = awsOf(), signedAtMs = START_MS): Promise<string> {
  return signIdentityRequest({ verificationUrl, audience: AUDIENCE }, aws, signedAtMs);
}

function decode(token: string): SubjectToken {
  return JSON.parse(decodeURIComponent(token));
}

function headerOf(token: string, name: string): string | undefined {
  return decode(token).headers.find(({ key }) => key === name)?.value;
}

/** The names of the headers that the signature is over, and the scope that it is for. */
function signatureOf(token: string) {
  const authorization = headerOf(token, 'authorization') ?? '';
  const [, scope = '', names = ''] = /Credential=\w+\/(\S+), SignedHeaders=(\S+),/.exec(authorization) ?? [];
  return { scope, names: names.split(';') };
}

test('is a request for GetCallerIdentity, in the form that Google wants it', async () => {
  const token = await sign();
  const { url, method, headers, ...more } = decode(token);

  expect(token).toMatch(/^%7B%22url%22%3A[\w%.*!'()~-]+%7D$/);
  expect({ url, method, more }).toEqual({
    url: `https://sts.eu-west-1.amazonaws.com?${QUERY}`,
    method: 'POST',
    more: {},
  });
  expect(Object.fromEntries(headers.map(({ key, value }) => [key, value]))).toEqual({
    host: 'sts.eu-west-1.amazonaws.com',
    'x-amz-date': '20260101T000000Z',
    'x-amz-security-token': SESSION_TOKEN,
    'x-goog-cloud-target-resource': AUDIENCE,
    authorization: expect.stringMatching(
      /^AWS4-HMAC-SHA256 Credential=ASIALOCALLOCALLOCAL1\/20260101\/eu-west-1\/sts\/aws4_request, /,
    ),
  });
  expect(headers.every((header) => Object.keys(header).join() === 'key,value')).toBe(true);
});

test('signs every header, the audience and the session token among them', async () => {
  const token = await sign();
  const names = decode(token).headers.map(({ key }) => key);

  expect(signatureOf(token).names).toEqual(names.filter((name) => name !== 'authorization').toSorted());
  expect(signatureOf(token).names).toEqual([
    'host',
    'x-amz-date',
    'x-amz-security-token',
    'x-goog-cloud-target-resource',
  ]);
});

test('has no session token where there is none', async () => {
  const token = await sign(REGIONAL, awsOf(USER_KEYS));

  expect(headerOf(token, 'x-amz-security-token')).toBeUndefined();
  expect(signatureOf(token).names).toEqual(['host', 'x-amz-date', 'x-goog-cloud-target-resource']);
});

test.each([
  ['a role', ROLE_KEYS],
  ['a user', USER_KEYS],
])('tells STS, by whom it is sent on, that it is from %s', async (_who, keys) => {
  expect(await sts.replayIdentityRequest(await sign(REGIONAL, awsOf(keys)))).toMatchObject({
    arn: ARN,
    account: ACCOUNT,
  });
});

test('does not hold the secret key', async () => {
  const token = await sign();

  expect(token).not.toContain(SECRET);
  expect(decodeURIComponent(token)).not.toContain(SECRET);
});

test.each([
  [REGIONAL, 'us-east-1', 'sts.us-east-1.amazonaws.com'],
  [REGIONAL, 'us-gov-west-1', 'sts.us-gov-west-1.amazonaws.com'],
  [`https://sts.{region}.amazonaws.com.cn/?${QUERY}`, 'cn-north-1', 'sts.cn-north-1.amazonaws.com.cn'],
  [`https://sts-fips.{region}.amazonaws.com?${QUERY}`, 'us-west-2', 'sts-fips.us-west-2.amazonaws.com'],
  [`https://sts.{region}.api.aws?${QUERY}`, 'eu-west-1', 'sts.eu-west-1.api.aws'],
])('of %s in %s makes %s', async (verificationUrl, region, host) => {
  const token = await sign(verificationUrl, awsOf(ROLE_KEYS, region));

  expect(new URL(decode(token).url).host).toBe(host);
  expect(decode(token).url).toBe(verificationUrl.replace('{region}', region));
  expect(headerOf(token, 'host')).toBe(host);
  expect(signatureOf(token).scope).toBe(`20260101/${region}/sts/aws4_request`);
});

test.each([
  [`https://sts.us-east-2.amazonaws.com?${QUERY}`, 'us-east-2'],
  [`https://sts.cn-north-1.amazonaws.com.cn?${QUERY}`, 'cn-north-1'],
  [`https://sts-fips.us-west-1.amazonaws.com?${QUERY}`, 'us-west-1'],
  [`https://sts.us-east-2.api.aws?${QUERY}`, 'us-east-2'],
  [`https://sts.amazonaws.com?${QUERY}`, 'us-east-1'],
  [`http://127.0.0.1:4566?${QUERY}`, REGION],
  [`http://localhost:4566?${QUERY}`, REGION],
])('signs for the region of %s: %s, wherever the function is', async (verificationUrl, region) => {
  const token = await sign(verificationUrl);

  expect(signatureOf(token).scope).toBe(`20260101/${region}/sts/aws4_request`);
});

test('is verified by the STS of a region that the document names, from another one', async () => {
  const token = await sign(`https://sts.${REGION}.amazonaws.com?${QUERY}`, awsOf(ROLE_KEYS, 'us-east-1'));

  expect(await sts.replayIdentityRequest(token)).toMatchObject({ arn: ARN });
});

function changedHeader(name: string, change: (value: string) => string) {
  return (token: SubjectToken): SubjectToken => ({
    ...token,
    headers: token.headers.map(({ key, value }) => ({ key, value: key === name ? change(value) : value })),
  });
}

function withoutHeader(name: string) {
  return (token: SubjectToken): SubjectToken => ({
    ...token,
    headers: token.headers.filter(({ key }) => key !== name),
  });
}

test.each<[string, (token: SubjectToken) => SubjectToken, string]>([
  [
    'the audience is changed',
    changedHeader('x-goog-cloud-target-resource', (value) => `${value}2`),
    'SignatureDoesNotMatch',
  ],
  ['the audience is left out', withoutHeader('x-goog-cloud-target-resource'), 'SignatureDoesNotMatch'],
  [
    'the session token is changed',
    changedHeader('x-amz-security-token', (value) => `${value}=`),
    'InvalidClientTokenId',
  ],
  ['the session token is left out', withoutHeader('x-amz-security-token'), 'InvalidClientTokenId'],
  [
    'the date is changed',
    changedHeader('x-amz-date', (value) => value.replace('000000Z', '000001Z')),
    'SignatureDoesNotMatch',
  ],
  [
    'the signature is changed',
    changedHeader('authorization', (value) => value.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))),
    'SignatureDoesNotMatch',
  ],
  [
    'the audience is no longer among what is signed',
    changedHeader('authorization', (value) => value.replace(';x-goog-cloud-target-resource', '')),
    'SignatureDoesNotMatch',
  ],
  [
    'the action is changed',
    (token) => ({ ...token, url: token.url.replace('GetCallerIdentity', 'AssumeRole') }),
    'InvalidSubjectToken',
  ],
  [
    'the region is changed',
    (token) => ({ ...token, url: token.url.replace('eu-west-1', 'us-east-1') }),
    'InvalidSubjectToken',
  ],
  ['the method is changed', (token) => ({ ...token, method: 'GET' }), 'InvalidSubjectToken'],
])('is good for nothing if %s', async (_what, change, type) => {
  const changed = change(decode(await sign()));

  expect(changed).not.toEqual(decode(await sign()));
  expect(await sts.replayIdentityRequest(encodeURIComponent(JSON.stringify(changed)))).toMatchObject({
    kind: 'refused',
    type,
  });
});

test('is signed by the keys of the function, and by no others', async () => {
  const wrong = await sign(REGIONAL, awsOf({ ...ROLE_KEYS, secretAccessKey: 'another' }));
  const unknown = await sign(REGIONAL, awsOf({ ...ROLE_KEYS, accessKeyId: 'ASIAUNKNOWN' }));

  expect(await sts.replayIdentityRequest(wrong)).toMatchObject({ type: 'SignatureDoesNotMatch' });
  expect(await sts.replayIdentityRequest(unknown)).toMatchObject({ type: 'InvalidClientTokenId' });
});

test('is signed for the time that it is told, and good for some minutes', async () => {
  const token = await sign(REGIONAL, awsOf(), START_MS + 90_061_000);
  const outcomes: unknown[] = [];

  for (const laterMs of [0, 4 * 60_000, 16 * 60_000]) {
    nowMs = START_MS + 90_061_000 + laterMs;
    outcomes.push(await sts.replayIdentityRequest(token));
  }
  nowMs = START_MS;

  expect(headerOf(token, 'x-amz-date')).toBe('20260102T010101Z');
  expect(outcomes).toMatchObject([{ arn: ARN }, { arn: ARN }, { kind: 'refused' }]);
});

test('asks for the region and the keys each time, for both may change', async () => {
  const regions = ['eu-west-1', 'us-east-1'];
  const keys = [ROLE_KEYS, USER_KEYS];
  const aws: Aws = {
    region: async () => regions[0] ?? '',
    credentials: async () => keys[0] ?? USER_KEYS,
  };

  const first = await sign(REGIONAL, aws);
  regions.shift();
  keys.shift();
  const second = await sign(REGIONAL, aws);

  expect([first, second].map((token) => signatureOf(token).scope)).toEqual([
    '20260101/eu-west-1/sts/aws4_request',
    '20260101/us-east-1/sts/aws4_request',
  ]);
  expect([first, second].map((token) => headerOf(token, 'x-amz-security-token'))).toEqual([
    SESSION_TOKEN,
    undefined,
  ]);
});

test.each<[string, Partial<Aws>]>([
  ['region', { region: () => Promise.reject(new Error('no region')) }],
  ['credentials', { credentials: () => Promise.reject(new Error('no credentials')) }],
])('is not signed without %s', async (what, missing) => {
  await expect(sign(REGIONAL, { ...awsOf(), ...missing })).rejects.toThrow(`no ${what}`);
});
