import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetPublicKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseKmsCertificateOptions } from '../infra/kms-certificate-options.ts';
import { UsageError } from '../infra/usage-error.ts';
import { amzJson } from '../local/aws/json-api.ts';
import { kmsError, type LocalKms, startKms } from '../local/aws/kms.ts';
import { type Listening, listen } from '../local/aws/listen.ts';
import { type Ended, startScript } from './child-command.ts';
import { needTool, runTool } from './optional-tool.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const EMAIL = 'vendor@example-project.iam.gserviceaccount.com';
const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'AKIALOCAL', AWS_SECRET_ACCESS_KEY: 'local' };

let folder: string;
let kms: LocalKms;
let arn: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kms-certificate-'));
  kms = await startKms();
  arn = await kms.createKey();
  kms.createAlias('alias/vendor', arn);
});

afterAll(async () => {
  await kms.close();
  await rm(folder, { recursive: true });
});

type Environment = Readonly<Record<string, string>>;

/** Runs what `npm run kms-certificate` runs, against the stand-in if not said otherwise. */
function run(args: readonly string[], more: Environment = {}): Promise<Ended> {
  return startScript('kms-certificate', args, {
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
    HOME: folder,
    AWS_ENDPOINT_URL_KMS: kms.url,
    AWS_REGION: 'eu-west-1',
    ...CREDENTIALS,
    ...more,
  }).ended;
}

/** A KMS of its own for a test that interferes, or looks at what was asked. */
async function startOwnKms(): Promise<{ own: LocalKms; key: string; environment: Environment }> {
  const own = await startKms();
  const key = await own.createKey();
  own.createAlias('alias/vendor', key);
  return { own, key, environment: { AWS_ENDPOINT_URL_KMS: own.url } };
}

/** A failure is one line, and leaves nothing that could be taken for a certificate. */
function expectFailure({ status, stdout, stderr }: Ended, expected: RegExp): void {
  expect(stderr).toMatch(expected);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
}

/** Asks the stand-in directly, past the command. */
async function publicKeyOf(KeyId: string): Promise<Buffer> {
  const client = new KMSClient({
    endpoint: kms.url,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local' },
  });
  const { PublicKey = new Uint8Array() } = await client.send(new GetPublicKeyCommand({ KeyId }));
  client.destroy();
  return Buffer.from(PublicKey);
}

test('prints a certificate of the key in KMS that verifies under it, for a year, and nothing else', async () => {
  const startedMs = Date.now();

  const { status, stdout, stderr } = await run(['--key-id', arn, '--client-email', EMAIL]);
  const certificate = new X509Certificate(stdout);
  const publicKey = await publicKeyOf(arn);
  const fromMs = certificate.validFromDate.getTime();
  const toMs = certificate.validToDate.getTime();

  expect(status, stderr).toBe(0);
  expect(stdout).toBe(certificate.toString());
  expect(certificate.publicKey.export({ type: 'spki', format: 'der' }).equals(publicKey)).toBe(true);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(toMs - fromMs).toBe(365 * DAY_MS);
  // Good at once for a Google whose clock is behind this machine's, and not for long before.
  expect(fromMs).toBeLessThan(startedMs - 60_000);
  expect(fromMs).toBeGreaterThan(startedMs - 600_000);
});

test('says nothing in the certificate that Google advises against: a generic subject, no extensions', async () => {
  const { stdout } = await run(['--key-id', arn, '--client-email', EMAIL]);
  const certificate = new X509Certificate(stdout);

  expect(certificate.subject).toBe('CN=unused');
  expect(certificate.subjectAltName).toBeUndefined();
  expect(certificate.raw.toString('latin1')).not.toMatch(/vendor|example|123456789012/);
});

test('takes another subject and another number of days', async () => {
  const { stdout } = await run([
    '--key-id',
    'alias/vendor',
    '--days',
    '3650',
    '--common-name',
    'Vérité, 2026',
  ]);
  const certificate = new X509Certificate(stdout);

  expect(certificate.toLegacyObject().subject.CN).toBe('Vérité, 2026');
  // Google's limit in seconds, which the margin for its clock must not exceed.
  expect((certificate.validToDate.getTime() - certificate.validFromDate.getTime()) / 1000).toBe(315_360_000);
});

test('says on standard error what it did, until when the key holds, and what comes next', async () => {
  const { stdout, stderr } = await run(['--key-id', 'alias/vendor', '--client-email', EMAIL, '--days', '90']);
  const until = new X509Certificate(stdout).validToDate.toISOString().replace('.000Z', 'Z');

  expect(stderr).toContain(arn);
  expect(stderr).toContain(`until ${until}`);
  expect(stderr).toContain(
    `\n  gcloud iam service-accounts keys upload cert.pem --iam-account projects/-/serviceAccounts/${EMAIL}\n`,
  );
  expect(stderr).toContain('`private_key_id`');
});

test('leaves a place for the service account’s address if it is not given', async () => {
  const { stderr } = await run(['--key-id', arn]);

  expect(stderr).toContain('--iam-account projects/-/serviceAccounts/EMAIL\n');
});

test('is a certificate that OpenSSL verifies', async (context) => {
  await needTool(context, 'openssl', ['version']);
  const file = join(folder, 'cert.pem');
  const { stdout } = await run(['--key-id', arn]);
  await writeFile(file, stdout);

  const verified = await runTool('openssl', ['verify', '-check_ss_sig', '-CAfile', file, file]);
  const shown = await runTool('openssl', ['x509', '-in', file, '-noout', '-text']);

  expect(verified, verified.stderr).toMatchObject({ status: 0 });
  expect(shown.stdout).toContain('Version: 3 (0x2)');
  expect(shown.stdout).toContain('sha256WithRSAEncryption');
});

test('signs a digest, once, with the key that it was given the public half of', async (context) => {
  const { own, key, environment } = await startOwnKms();
  context.onTestFinished(() => own.close());

  const { status } = await run(['--key-id', 'alias/vendor'], environment);

  expect(status).toBe(0);
  // By the ARN, so that an alias which is given to another key in between changes nothing.
  expect(own.requests).toEqual([
    { action: 'GetPublicKey', keyId: 'alias/vendor', messageType: undefined, status: 200 },
    { action: 'Sign', keyId: key, messageType: 'DIGEST', status: 200 },
  ]);
});

test.concurrent.for([
  ['--region', () => ['--key-id', 'alias/vendor', '--region', 'eu-west-1'], {}],
  ['the key’s ARN', () => ['--key-id', arn], {}],
  ['AWS_REGION', () => ['--key-id', 'alias/vendor'], { AWS_REGION: 'eu-west-1' }],
  [
    'AWS_DEFAULT_REGION, as the AWS CLI does',
    () => ['--key-id', 'alias/vendor'],
    { AWS_DEFAULT_REGION: 'eu-west-1' },
  ],
] as const)('takes the region from %s', async ([, makeArgs, environment]) => {
  const { status, stderr } = await run(makeArgs(), { AWS_REGION: '', ...environment });

  expect(status, stderr).toBe(0);
});

test('explains itself with --help', async () => {
  const { status, stdout, stderr } = await run(['--help'], { AWS_ACCESS_KEY_ID: '', AWS_REGION: '' });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('Usage: npm run --silent kms-certificate -- --key-id KEY');
  expect(stdout).toContain(
    'gcloud iam service-accounts keys upload cert.pem --iam-account projects/-/serviceAccounts/EMAIL',
  );
});

/** Each wrong command line with what its one line has to name. */
const FAULTS: [string, readonly string[], RegExp][] = [
  ['no key', [], /--key-id is missing.*--help/],
  ['an empty key', ['--key-id', ''], /--key-id is missing/],
  ['a key of two lines', ['--key-id', 'alias/a\nb'], /--key-id: "alias\/a\\nb".*alias\/NAME/],
  ['no days at all', ['--key-id', 'k', '--days', '0'], /--days: "0".*from 1 to 3650/],
  ['more days than Google takes', ['--key-id', 'k', '--days', '3651'], /--days: "3651".*3650/],
  ['days in parts', ['--key-id', 'k', '--days', '1.5'], /--days: "1\.5"/],
  ['days in letters', ['--key-id', 'k', '--days', '1e3'], /--days: "1e3"/],
  ['days below zero', ['--key-id', 'k', '--days', '-5'], /--days.*--help/],
  ['an address for a shell', ['--key-id', 'k', '--client-email', 'a@b.c;id'], /--client-email: "a@b\.c;id"/],
  ['an address without a domain', ['--key-id', 'k', '--client-email', 'vendor'], /--client-email: "vendor"/],
  ['a region for another host', ['--key-id', 'k', '--region', 'x.example/'], /--region: "x\.example\/"/],
  ['a subject that is too long', ['--key-id', 'k', '--common-name', 'x'.repeat(65)], /--common-name.*64/],
  ['an unknown flag', ['--key-id', 'k', '--day', '5'], /--day.*npm run kms-certificate -- --help/],
  ['an argument too many', ['--key-id', 'k', 'cert.pem'], /cert\.pem.*--help/],
];

test.for(FAULTS)('refuses %s in one line', ([, args, expected]) => {
  const parse = () => parseKmsCertificateOptions(args);

  expect(parse).toThrow(UsageError);
  expect(parse).toThrow(expected);
  expect(parse).not.toThrow(/\n/);
});

test('takes every kind of name that a key can have, and days up to the limits', () => {
  const id = '1234abcd-12ab-34cd-56ef-1234567890ab';
  const names = [
    id,
    `mrk-${id.replaceAll('-', '')}`,
    `arn:aws:kms:us-east-2:111122223333:key/${id}`,
    'alias/my_key/2026',
    'arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/a',
  ];

  const parsed = names.map((name) => parseKmsCertificateOptions(['--key-id', name, '--days', '1']));

  expect(parsed).toMatchObject(names.map((keyId) => ({ keyId, days: 1, commonName: 'unused' })));
  expect(parsed.map((options) => !options.help && options.region)).toEqual([
    undefined,
    undefined,
    'us-east-2',
    undefined,
    'us-gov-west-1',
  ]);
});

test('prints no certificate for a wrong number of days, and fails', async () => {
  expectFailure(await run(['--key-id', arn, '--days', '36500']), /--days: "36500".*3650/);
});

test('names a key that does not exist', async () => {
  expectFailure(
    await run(['--key-id', 'alias/nobody']),
    /alias\/nobody does not exist.*--region.*NotFoundException/,
  );
});

test('names a key of another usage, and one that would do', async () => {
  const key = await kms.createKey({ usage: 'ENCRYPT_DECRYPT' });

  expectFailure(
    await run(['--key-id', key]),
    /ENCRYPT_DECRYPT.*SIGN_VERIFY.*--key-spec RSA_2048 --key-usage SIGN_VERIFY/,
  );
});

test.for([
  ['disabled', 'Disabled', /is disabled.*aws kms enable-key.*DisabledException/],
  ['pending deletion', 'PendingDeletion', /pending deletion.*aws kms describe-key.*KMSInvalidStateException/],
] as const)('names a key that is %s', async ([, state, expected]) => {
  const key = await kms.createKey();
  kms.setKeyState(key, state);

  expectFailure(await run(['--key-id', key]), expected);
});

test('names an elliptic key for what it is', async (context) => {
  const { own, key, environment } = await startOwnKms();
  context.onTestFinished(() => own.close());
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const PublicKey = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  own.interfere(() =>
    amzJson(200, { KeyId: key, KeyUsage: 'SIGN_VERIFY', KeySpec: 'ECC_NIST_P256', PublicKey }),
  );

  const ended = await run(['--key-id', key], environment);

  expectFailure(ended, /KeySpec ECC_NIST_P256.*RSA_2048/);
});

test.concurrent.for([
  ['GetPublicKey', 'AccessDeniedException', /kms:GetPublicKey and kms:Sign/],
  ['Sign', 'AccessDeniedException', /kms:GetPublicKey and kms:Sign/],
  ['GetPublicKey', 'UnsupportedOperationException', /must be an RSA key.*RSA_2048/],
  ['Sign', 'InvalidKeyUsageException', /not for signing.*SIGN_VERIFY/],
  ['Sign', 'DisabledException', /enable-key/],
  ['GetPublicKey', 'UnrecognizedClientException', /credentials.*get-caller-identity/],
  ['GetPublicKey', 'ExpiredTokenException', /credentials.*get-caller-identity/],
  ['Sign', 'DependencyTimeoutException', /Try again/],
] as const)('explains that %s was answered with %s', async ([action, type, expected]) => {
  const { own, environment } = await startOwnKms();
  own.interfere((request) => (request.action === action ? kmsError(type, 'AWS’s\nown words') : undefined));

  const ended = await run(['--key-id', 'alias/vendor'], environment);
  await own.close();

  expectFailure(ended, expected);
  expect(ended.stderr).toContain(`${type}: AWS’s own words`);
});

// Beside the others, because it takes its eight seconds.
test.concurrent('says that KMS does not answer, within its bounds', async () => {
  const { own, environment } = await startOwnKms();
  own.interfere(() => 'hang');

  const ended = await run(['--key-id', 'alias/vendor'], environment);
  await own.close();

  expectFailure(ended, /KMS cannot be reached \(no answer within 8 seconds\)/);
});

test('prints no certificate whose signature does not verify', async (context) => {
  const { own, key, environment } = await startOwnKms();
  context.onTestFinished(() => own.close());
  const Signature = randomBytes(256).toString('base64');
  own.interfere(({ action }) => (action === 'Sign' ? amzJson(200, { KeyId: key, Signature }) : undefined));

  const ended = await run(['--key-id', key], environment);

  expectFailure(ended, /signature that KMS gave does not fit/);
});

test('asks a longer RSA key to sign, and holds the signature against that key', async (context) => {
  const { own, key, environment } = await startOwnKms();
  context.onTestFinished(() => own.close());
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 4096 });
  const PublicKey = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const answer = { KeyId: key, KeyUsage: 'SIGN_VERIFY', KeySpec: 'RSA_4096', PublicKey };
  own.interfere(({ action }) => (action === 'GetPublicKey' ? amzJson(200, answer) : undefined));

  const ended = await run(['--key-id', key], environment);

  // What signed is the stand-in's own key of 2,048 bits.
  expect(own.requests.map(({ action }) => action)).toEqual(['GetPublicKey', 'Sign']);
  expectFailure(ended, /signature that KMS gave does not fit/);
});

test('says that there is no region', async () => {
  expectFailure(
    await run(['--key-id', 'alias/vendor'], { AWS_REGION: '' }),
    /no AWS region.*--region.*AWS_REGION/,
  );
});

test('says that KMS cannot be reached', async () => {
  const closed = await listen(createServer(), 0);
  await closed.close();

  const ended = await run(['--key-id', arn], { AWS_ENDPOINT_URL_KMS: closed.url });

  expectFailure(ended, /KMS cannot be reached.*ECONNREFUSED.*AWS_ENDPOINT_URL_KMS/);
});

/** An instance metadata service that has nothing to give, and counts who asks. */
async function startMetadataService(): Promise<Listening & { readonly asked: () => number }> {
  let asked = 0;
  const server: Server = createServer((_, response) => {
    asked += 1;
    response.statusCode = 404;
    response.end();
  });
  return { ...(await listen(server, 0)), asked: () => asked };
}

test.for([
  ['and does not ask an instance metadata service', {}, false],
  [
    'but asks an instance metadata service if the user wants that',
    { AWS_EC2_METADATA_DISABLED: 'false' },
    true,
  ],
] as const)('says that there are no credentials, %s', async ([, environment, isAsked], context) => {
  const metadata = await startMetadataService();
  context.onTestFinished(metadata.close);

  const ended = await run(['--key-id', arn], {
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    AWS_EC2_METADATA_DISABLED: '',
    AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
    ...environment,
  });

  expectFailure(ended, /no AWS credentials.*AWS_PROFILE.*AWS_EC2_METADATA_DISABLED=false/);
  expect(metadata.asked() > 0).toBe(isAsked);
});
