import { SecretValue, Stack } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openDocument } from '../infra/credential-documents.ts';
import { refuseSecret } from '../infra/no-secret.ts';
import { UsageError } from '../infra/usage-error.ts';
import { createApp } from './infra-rig.ts';
import { KEY_FILE, PRIVATE_KEY_PEM } from './make-document.ts';
import { impersonating, KMS, SIGNED_REQUEST, WEB_IDENTITY } from './make-keyless.ts';

const USER = {
  type: 'authorized_user',
  client_id: '1234.apps.googleusercontent.com',
  client_secret: 'GOCSPX-an-example-of-a-secret',
  refresh_token: '1//an-example-of-a-refresh-token',
};
const ELSEWHERE = 'Put the document into a secret of Secrets Manager, and give that in its place.';

function refusalOf(document: object): Error {
  try {
    openDocument(new Stack(createApp(), 'Test'), 'default', { document: { ...document } });
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return error as Error;
  }
  throw new Error('it was taken');
}

/** All strings of a document that could be taken for its secret. */
function secretsIn(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, member]) =>
        /^(?:private_key|refresh_token|client_secret)$/.test(name) ? [String(member)] : secretsIn(member),
      )
    : [];
}

test.each([
  ['a key file', KEY_FILE, 'private_key'],
  ["a user's login", USER, 'client_secret'],
  ['a key file that impersonates', impersonating(KEY_FILE), 'source_credentials.private_key'],
  ["a user's login that impersonates", impersonating(USER), 'source_credentials.client_secret'],
  ['federation with a private key beside it', { ...SIGNED_REQUEST, private_key: 'x' }, 'private_key'],
  ['federation with the secret of a client', { ...WEB_IDENTITY, client_secret: 'x' }, 'client_secret'],
  ['a KMS key with a refresh token beside it', { ...KMS, refresh_token: 'x' }, 'refresh_token'],
  ['a password under another name', { ...KMS, smtp_password: 'x' }, 'smtp_password'],
  ['a key under another name', { ...KMS, note: `a\n${PRIVATE_KEY_PEM}` }, 'note'],
  ['a key in a list', { ...KMS, notes: [{ text: PRIVATE_KEY_PEM }] }, 'notes.0.text'],
  ['a token under another name', { ...KMS, note: `ya29.${'x'.repeat(20)}` }, 'note'],
  ['an access key of AWS', { ...KMS, note: 'AKIAIOSFODNN7EXAMPLE' }, 'note'],
  ...[
    'privateKey',
    'PrivateKey',
    'privatekey',
    'private_key_data',
    'privateKeyData',
    'key',
    'keyData',
    'api_key',
    'apiKey',
    'x-api-key',
    'accessToken',
    'refreshToken',
    'idToken',
    'sessionToken',
    'authToken',
    'token',
    'secretAccessKey',
    'clientSecret',
    'pwd',
    'dbPwd',
    'userPassword',
    'authorization',
  ].map((name): [string, object, string] => [`a field called ${name}`, { ...KMS, [name]: 'x' }, name]),
  [
    'a header that authorizes',
    {
      ...SIGNED_REQUEST,
      credential_source: { ...SIGNED_REQUEST.credential_source, headers: { Authorization: 'Bearer x' } },
    },
    'credential_source.headers.Authorization',
  ],
  ['what a header that authorizes says', { ...KMS, note: 'Bearer abc' }, 'note'],
])('%s is refused in a template, by the name of the field', (_, document, field) => {
  const { message } = refusalOf(document);

  expect(message).toContain(`it holds a secret, or what looks like one, in its field ${field}.`);
  expect(message).toContain(ELSEWHERE);
  // Only the app takes options.
  expect(message).not.toContain('-c ');
  for (const secret of secretsIn(document).filter((text) => text.length > 1)) {
    expect(message).not.toContain(secret);
  }
});

test('a key in the place of a name is refused, and not shown', () => {
  const { message } = refusalOf({ ...KMS, [PRIVATE_KEY_PEM]: 1 });

  expect(message).toContain('it holds a secret, or what looks like one, in its field ….');
  expect(message).not.toContain('BEGIN');
});

test.each([
  ['of its type alone', { type: 'service_account' }],
  ['of a type that Google has and the vendor has not', { type: 'gdch_service_account' }],
  ['without a type', { audience: 'x' }],
  ['that impersonates with one that does not say what it is', impersonating({})],
  ['that impersonates with one that impersonates', impersonating(impersonating(KMS))],
])('a document %s is refused in a template', (_, document) => {
  const { message } = refusalOf(document);

  expect(message).toMatch(/its field (?:source_credentials\.)?type must be external_account or aws_kms/);
  expect(message).toContain(ELSEWHERE);
  // Only the app takes options.
  expect(message).not.toContain('-c ');
});

test('a secret is refused wherever in a document it is', () => {
  const documents = fc.json({ maxDepth: 3 }).map((text): unknown => JSON.parse(text));
  const places = fc.array(fc.oneof(fc.constant(0), fc.stringMatching(/^[a-z_]{1,12}$/)), { maxLength: 5 });

  fc.assert(
    fc.property(documents, places, (beside, place) => {
      const hidden = place.reduceRight<unknown>(
        (inner, step) => (step === 0 ? [beside, inner] : { beside, [step]: inner }),
        PRIVATE_KEY_PEM,
      );

      expect(() => refuseSecret({ ...SIGNED_REQUEST, more: hidden }, 'document')).toThrow(UsageError);
    }),
  );
});

test('a secret that CloudFormation would put in is refused', () => {
  const stack = new Stack(createApp(), 'Test');
  const secret = new Secret(stack, 'Secret');
  const references = [
    secret.secretValue.unsafeUnwrap(),
    SecretValue.secretsManager('google/key').unsafeUnwrap(),
    SecretValue.ssmSecure('/google/key', '1').unsafeUnwrap(),
  ];

  for (const note of references) {
    const open = () => openDocument(stack, 'default', { document: { ...KMS, note } });

    expect(open).toThrow(/it holds a secret, or what looks like one, in its field note/);
  }
});

test.each([
  ['federation by signed requests', SIGNED_REQUEST],
  [
    'federation by signed requests, as gcloud writes it for IMDSv2',
    {
      ...SIGNED_REQUEST,
      credential_source: {
        ...SIGNED_REQUEST.credential_source,
        imdsv2_session_token_url: 'http://169.254.169.254/latest/api/token',
      },
    },
  ],
  ['federation by tokens of AWS', WEB_IDENTITY],
  ['a key in KMS', { ...KMS, private_key_id: '0123456789abcdef0123456789abcdef01234567' }],
  ['one that impersonates', impersonating(SIGNED_REQUEST)],
])('%s is no secret', (_, document) => {
  expect(() => openDocument(new Stack(createApp(), 'Test'), 'default', { document })).not.toThrow();
});
