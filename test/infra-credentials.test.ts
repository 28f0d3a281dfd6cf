import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stack } from 'aws-cdk-lib';
import { Alias, Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { afterAll, expect, test } from 'vitest';
import type { GivenCredentials } from '../infra/credentials.ts';
import { UsageError } from '../infra/usage-error.ts';
import { parseConfig } from '../lambda/config.ts';
import { createVendorStack } from './infra-rig.ts';
import { PRIVATE_KEY_PEM } from './make-document.ts';
import {
  EMAIL,
  impersonating,
  impersonationUrl,
  KMS,
  KMS_KEY_ARN,
  KMS_KEY_ID,
  PROVIDER,
  SIGNED_REQUEST,
  SIGNED_REQUEST_READ,
  WEB_IDENTITY,
} from './make-keyless.ts';

const KMS_KEY = 'AWS::KMS::Key';
const SECRET = 'AWS::SecretsManager::Secret';

const scratch = mkdtempSync(join(tmpdir(), 'credentials-'));
afterAll(() => rmSync(scratch, { recursive: true }));

type Rig = ReturnType<typeof createVendorStack>;
type Statement = Readonly<Record<string, unknown>>;

/** A vendor with one profile for each of its credentials. */
function vendorWith(credentials: GivenCredentials | ((stack: Stack) => GivenCredentials)): Rig {
  return createVendorStack((stack) => {
    const given = typeof credentials === 'function' ? credentials(stack) : credentials;
    const profiles = Object.keys(given).map((name) => [name, { credential: name, scopes: ['email'] }]);
    return { profiles: Object.fromEntries(profiles), credentials: given };
  });
}

/** What the function's role is allowed besides its log. */
function allowed({ properties }: Rig): readonly Statement[] {
  const [role] = properties('AWS::IAM::Role');
  const policies = role?.Policies as readonly { PolicyDocument: { Statement: readonly Statement[] } }[];
  expect(properties('AWS::IAM::Policy')).toEqual([]);
  return policies
    .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
    .filter(({ Action }) => !String(Action).startsWith('logs:'));
}

/** The variable as the function reads it, `RESOLVED` in the place of what CloudFormation would put in. */
function variable({ properties }: Rig) {
  const [fn] = properties('AWS::Lambda::Function');
  const environment = fn?.Environment as
    | { Variables: { CREDENTIALS: string | { 'Fn::Join': [string, readonly unknown[]] } } }
    | undefined;
  const value = environment?.Variables.CREDENTIALS ?? '';
  const parts = typeof value === 'string' ? [value] : value['Fn::Join'][1];
  const CREDENTIALS = parts.map((part) => (typeof part === 'string' ? part : 'RESOLVED')).join('');
  return Object.fromEntries(parseConfig({ AWS_LAMBDA_FUNCTION_NAME: 'fn', CREDENTIALS }).credentials);
}

function annotations({ vendor }: Rig, level: 'info' | 'warning'): readonly string[] {
  return vendor.node.metadata
    .filter(({ type }) => type === `aws:cdk:${level}`)
    .map(({ data }) => String(data));
}

function signOn(resource: unknown): Statement {
  return {
    Effect: 'Allow',
    Action: 'kms:Sign',
    Resource: resource,
    Condition: {
      StringEquals: {
        'kms:SigningAlgorithm': 'RSASSA_PKCS1_V1_5_SHA_256',
        'kms:MessageType': 'DIGEST',
      },
    },
  };
}

function tokensFor(audience: string, seconds: number): Statement {
  return {
    Effect: 'Allow',
    Action: 'sts:GetWebIdentityToken',
    Resource: '*',
    Condition: {
      'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': audience },
      Null: { 'sts:IdentityTokenAudience': 'false' },
      NumericLessThanEquals: { 'sts:DurationSeconds': seconds },
      StringEquals: { 'sts:SigningAlgorithm': 'RS256' },
    },
  };
}

function refusal(credentials: GivenCredentials | ((stack: Stack) => GivenCredentials)): string {
  try {
    vendorWith(credentials);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  throw new Error('it was taken');
}

test.each([
  ['signed requests', SIGNED_REQUEST_READ],
  ['signed requests, and impersonation on top', impersonating(SIGNED_REQUEST_READ)],
])('federation by %s needs no permission, no secret and no key', (_, document) => {
  const rig = vendorWith({ default: { document } });

  expect(allowed(rig)).toEqual([]);
  expect(rig.properties(SECRET)).toEqual([]);
  expect(rig.properties(KMS_KEY)).toEqual([]);
  expect(rig.text()).not.toMatch(/secretsmanager|kms:/);
  expect(variable(rig)).toEqual({ default: { document } });
});

test.each([
  ['as it stands', WEB_IDENTITY, `https:${PROVIDER}`, 3_600],
  ['with impersonation on top', impersonating(WEB_IDENTITY), `https:${PROVIDER}`, 3_600],
  [
    'with an audience and a duration of its own',
    {
      ...WEB_IDENTITY,
      credential_source: { aws_web_identity_token: { audience: 'vendor', duration_seconds: 60 } },
    },
    'vendor',
    60,
  ],
])(
  "federation by AWS's tokens, %s, needs the one action, for its audience, duration and algorithm",
  (_, document, audience, seconds) => {
    const rig = vendorWith({ default: { document } });

    expect(allowed(rig)).toEqual([tokensFor(audience, seconds)]);
    expect(rig.properties(SECRET)).toEqual([]);
    expect(rig.properties(KMS_KEY)).toEqual([]);
    expect(rig.text()).not.toMatch(/secretsmanager|kms:/);
    expect(variable(rig)).toEqual({ default: { document } });
  },
);

test('a key in KMS is made where the document names none, for signing, and stays', () => {
  const rig = vendorWith({ default: { document: KMS } });

  const keys = Object.values(rig.resources(KMS_KEY));

  expect(keys).toEqual([
    expect.objectContaining({
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: expect.objectContaining({
        KeySpec: 'RSA_2048',
        KeyUsage: 'SIGN_VERIFY',
        Description: expect.stringContaining('Google service account'),
      }),
    }),
  ]);
  expect(allowed(rig)).toEqual([signOn({ 'Fn::GetAtt': [rig.idOf(KMS_KEY), 'Arn'] })]);
  expect(rig.properties(SECRET)).toEqual([]);
  expect(rig.text()).not.toContain('secretsmanager');
  expect(variable(rig)).toEqual({ default: { document: { ...KMS, key_id: 'RESOLVED' } } });
});

test('a key in KMS is made for a document that impersonates, and stands in its source', () => {
  const rig = vendorWith({ default: { document: impersonating(KMS) } });

  const keyArn = { 'Fn::GetAtt': [rig.idOf(KMS_KEY), 'Arn'] };
  expect(allowed(rig)).toEqual([signOn(keyArn)]);
  expect(variable(rig)).toEqual({
    default: { document: impersonating({ ...KMS, key_id: 'RESOLVED' }) },
  });
});

test.each([
  ['its ARN', KMS_KEY_ARN, KMS_KEY_ARN],
  [
    'its id',
    KMS_KEY_ID,
    {
      'Fn::Join': [
        '',
        [
          'arn:',
          { Ref: 'AWS::Partition' },
          ':kms:',
          { Ref: 'AWS::Region' },
          ':',
          { Ref: 'AWS::AccountId' },
          `:key/${KMS_KEY_ID}`,
        ],
      ],
    },
  ],
])('a key in KMS that the document names by %s is the only one that may sign', (_, keyId, resource) => {
  const document = { ...KMS, key_id: keyId };

  const rig = vendorWith({ default: { document } });

  expect(rig.properties(KMS_KEY)).toEqual([]);
  expect(allowed(rig)).toEqual([signOn(resource)]);
  expect(variable(rig)).toEqual({ default: { document } });
});

test('a key in KMS that is given goes into the document', () => {
  const rig = vendorWith((stack) => ({
    default: { document: KMS, key: Key.fromKeyArn(stack, 'Key', KMS_KEY_ARN) },
  }));

  expect(rig.properties(KMS_KEY)).toEqual([]);
  expect(allowed(rig)).toEqual([signOn(KMS_KEY_ARN)]);
  expect(variable(rig)).toEqual({ default: { document: { ...KMS, key_id: KMS_KEY_ARN } } });
});

test.each([
  ['alias/google', 'its field key_id is an alias, on which kms:Sign cannot be granted'],
  [
    'arn:aws:kms:eu-west-1:111122223333:alias/google',
    'its field key_id is an alias, on which kms:Sign cannot be granted',
  ],
  ['not a key', 'its field key_id is neither the ARN nor the id of a KMS key'],
  ['arn:aws:iam::111122223333:role/x', 'its field key_id is neither the ARN nor the id of a KMS key'],
])('the key %s in a document is refused', (keyId, message) => {
  const text = refusal({ default: { document: { ...KMS, key_id: keyId } } });

  expect(text).toContain(`The document of the credential default cannot be used: ${message}`);
});

test.each([
  [
    'an alias by its name',
    KMS,
    (stack: Stack) => Alias.fromAliasName(stack, 'Alias', 'alias/google'),
    'The key of the credential default is an alias',
  ],
  [
    'an alias of the stack',
    KMS,
    (stack: Stack) => new Key(stack, 'Key').addAlias('google'),
    'The key of the credential default is an alias',
  ],
  [
    'an alias by its ARN',
    KMS,
    (stack: Stack) => Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:eu-west-1:111122223333:alias/google'),
    'The key of the credential default is an alias',
  ],
  [
    'a second one',
    { ...KMS, key_id: KMS_KEY_ID },
    (stack: Stack) => new Key(stack, 'Key'),
    'The credential default is given a key, and its document names one in key_id',
  ],
  [
    'one for a document that signs with none',
    SIGNED_REQUEST,
    (stack: Stack) => new Key(stack, 'Key'),
    'The credential default is given a key, which only a document of type aws_kms signs with',
  ],
])('as a key, %s is refused', (_, document, keyIn, message) => {
  const text = refusal((stack) => ({ default: { document, key: keyIn(stack) as Key } }));

  expect(text).toContain(message);
});

test('a key that Google has no name for yet says what comes next, and one that it has a name for says nothing', () => {
  const first = vendorWith({ default: { document: KMS } });
  const second = vendorWith({ default: { document: { ...KMS, private_key_id: '0123456789abcdef' } } });

  expect(annotations(first, 'info')).toEqual([
    expect.stringMatching(/npm run kms-certificate.*keys upload.*private_key_id.*deploy again/s),
  ]);
  expect(annotations(second, 'info')).toEqual([]);
  expect(annotations(first, 'warning')).toEqual([]);
});

/** A document as it would be in Google Cloud's universe `domain`. */
function inUniverse(domain: string, document: object): Readonly<Record<string, unknown>> {
  const text = JSON.stringify(document).replaceAll('googleapis.com', domain);
  return { ...JSON.parse(text), universe_domain: domain };
}

test.each([
  ['federation by signed requests', inUniverse('example.goog', SIGNED_REQUEST)],
  ['a key in KMS', inUniverse('example.goog', KMS)],
  ['impersonation', inUniverse('example.goog', impersonating(inUniverse('example.goog', SIGNED_REQUEST)))],
])('%s in another universe leaves a warning that says where its tokens go', (_, document) => {
  const rig = vendorWith({ default: { document } });

  expect(annotations(rig, 'warning')).toEqual([
    expect.stringMatching(
      /^The credential default has the universe_domain example\.goog, .* go to that domain\. .* \[ack: gcp-token-vendor:otherUniverse:default\]$/,
    ),
  ]);
});

const STAND_IN = 'http://127.0.0.1:8080';
const { service_account_impersonation_url: _, ...ITSELF } = SIGNED_REQUEST;

test.each([
  ['token_url', { ...ITSELF, token_url: `${STAND_IN}/v1/token` }],
  ['token_url', { ...ITSELF, token_url: 'https://[::1]/v1/token' }],
  ['token_uri', { ...KMS, token_uri: 'http://localhost/token' }],
  [
    'credential_source.regional_cred_verification_url',
    {
      ...SIGNED_REQUEST,
      credential_source: {
        environment_id: 'aws1',
        regional_cred_verification_url: `${STAND_IN}?Action=GetCallerIdentity&Version=2011-06-15`,
      },
    },
  ],
  [
    'token_url, service_account_impersonation_url',
    {
      ...SIGNED_REQUEST,
      token_url: `${STAND_IN}/v1/token`,
      service_account_impersonation_url: impersonationUrl(EMAIL).replace(/^https:\/\/[^/]+/, STAND_IN),
    },
  ],
  ['source_credentials.token_uri', impersonating({ ...KMS, token_uri: `${STAND_IN}/token` })],
])('a stand-in on this machine in %s leaves a warning', (field, document) => {
  const rig = vendorWith({ default: { document } });

  expect(annotations(rig, 'warning')).toEqual([
    expect.stringMatching(
      new RegExp(
        `^The credential default has an address on this machine itself in ${field.replaceAll('.', '\\.')}: .* \\[ack: gcp-token-vendor:loopbackAddress:default\\]$`,
      ),
    ),
  ]);
});

test.each([
  ['federation by signed requests', SIGNED_REQUEST],
  ["federation by AWS's tokens", WEB_IDENTITY],
  [
    "federation by AWS's tokens for a name on this machine, where nothing is sent",
    { ...WEB_IDENTITY, credential_source: { aws_web_identity_token: { audience: 'http://localhost/' } } },
  ],
  ['a key in KMS', { ...KMS, token_uri: 'https://oauth2.googleapis.com/token' }],
  ['impersonation', impersonating(SIGNED_REQUEST)],
])("%s at Google's own addresses leaves no warning", (_, document) => {
  expect(annotations(vendorWith({ default: { document } }), 'warning')).toEqual([]);
});

test('credentials of every kind work beside each other, each with its own permission', () => {
  const other = { aws_web_identity_token: { audience: 'other', duration_seconds: 600 } };

  const rig = vendorWith((stack) => ({
    key: { document: { ...KMS, key_id: KMS_KEY_ARN } },
    other: { document: { ...WEB_IDENTITY, credential_source: other } },
    request: { document: SIGNED_REQUEST },
    secret: Secret.fromSecretCompleteArn(
      stack,
      'S',
      'arn:aws:secretsmanager:eu-west-1:111122223333:secret:s-AbCdEf',
    ),
    token: { document: WEB_IDENTITY },
  }));

  expect(allowed(rig)).toEqual([
    {
      Effect: 'Allow',
      Action: 'secretsmanager:GetSecretValue',
      Resource: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:s-AbCdEf',
    },
    signOn(KMS_KEY_ARN),
    tokensFor('other', 600),
    tokensFor(`https:${PROVIDER}`, 3_600),
  ]);
  expect(Object.keys(rig.vendor.credentials)).toEqual(['secret']);
  expect(Object.keys(rig.vendor.documents)).toEqual(['key', 'other', 'request', 'token']);
  expect(Object.keys(variable(rig))).toEqual(['key', 'other', 'request', 'secret', 'token']);
});

test('a document that no profile mints from leaves a warning, and neither a key nor a permission', () => {
  const rig = createVendorStack(() => ({
    profiles: { default: { scopes: ['email'] } },
    credentials: { default: { document: SIGNED_REQUEST }, spare: { document: KMS } },
  }));

  expect(annotations(rig, 'warning').join()).toContain('No profile mints from the credential "spare"');
  expect(allowed(rig)).toEqual([]);
  expect(rig.properties(KMS_KEY)).toEqual([]);
  expect(variable(rig)).toEqual({ default: { document: SIGNED_REQUEST_READ } });
  expect(Object.keys(rig.vendor.documents)).toEqual(['default']);
});

test('a document that no profile mints from is judged all the same', () => {
  const create = () =>
    createVendorStack(() => ({
      profiles: { default: { scopes: ['email'] } },
      credentials: {
        default: { document: SIGNED_REQUEST },
        spare: { document: { ...KMS, private_key: PRIVATE_KEY_PEM } },
      },
    }));

  expect(create).toThrow('The document of the credential spare cannot be used: it holds a secret');
});

test.each([
  [
    'a workforce pool',
    { ...SIGNED_REQUEST, audience: '//iam.googleapis.com/locations/global/workforcePools/p/providers/x' },
    'its field audience is of a workforce pool',
  ],
  [
    'a file as its source',
    { ...SIGNED_REQUEST, credential_source: { file: '/token' } },
    'its field credential_source.environment_id is not aws1',
  ],
  [
    'another address to verify at',
    {
      ...SIGNED_REQUEST,
      credential_source: {
        environment_id: 'aws1',
        regional_cred_verification_url: 'https://sts.example.com?Action=GetCallerIdentity&Version=2011-06-15',
      },
    },
    'its field credential_source.regional_cred_verification_url is no address',
  ],
  [
    'a token endpoint elsewhere',
    { ...SIGNED_REQUEST, token_url: 'https://example.com/token' },
    'its field token_url is no https address of Google',
  ],
  ['no service account for its KMS key', { type: 'aws_kms' }, 'its field client_email is missing'],
  [
    'a service account that is none',
    { ...KMS, client_email: 'nobody' },
    'its field client_email names no service account',
  ],
  [
    'a token endpoint elsewhere for its KMS key',
    { ...KMS, token_uri: 'https://example.com/token' },
    'its field token_uri is no https address of Google',
  ],
  [
    'a key id that is none',
    { ...KMS, private_key_id: 5 },
    'its field private_key_id is missing or no string',
  ],
  [
    'a target that is none',
    { ...impersonating(KMS), service_account_impersonation_url: 'https://example.com' },
    'its field service_account_impersonation_url is no https address of Google',
  ],
  ['delegates that are none', impersonating(KMS, { delegates: 'a@b' }), 'its field delegates is no list'],
  [
    'a delegate that is none',
    impersonating(KMS, { delegates: ['a@b', 'c'] }),
    'its field delegates must be a list of service accounts',
  ],
  [
    'a faulty source',
    impersonating({ ...SIGNED_REQUEST, subject_token_type: 'x' }),
    'its field source_credentials.subject_token_type must be',
  ],
])('a document with %s is refused at synth', (_, document, message) => {
  expect(refusal({ default: { document } })).toContain(
    `The document of the credential default cannot be used: ${message}`,
  );
});

test.each<[string, (stack: Stack) => unknown]>([
  ['the path of a file', () => 'federation.json'],
  ['nothing', () => undefined],
  ['a secret in an object', (stack) => ({ secret: new Secret(stack, 'Secret') })],
  ['a document as it is', () => SIGNED_REQUEST],
  ['a file and a document', () => ({ file: 'federation.json', document: SIGNED_REQUEST })],
  ['a file without a name', () => ({ file: '' })],
  ['the number of a file', () => ({ file: 0 })],
])('%s in the place of a credential is refused in one line', (_, credential) => {
  const message = refusal((stack) => ({ default: credential(stack) }) as GivenCredentials);

  expect(message).toMatch(
    /^The credential default is neither a secret of Secrets Manager .*'federation\.json' }\.$/,
  );
});

test('what is to be done for a new key in KMS is said by where its commands are in any stack', () => {
  const { vendor } = vendorWith({ default: { document: KMS } });

  const said = vendor.node.metadata.map(({ data }) => String(data)).join();

  expect(said).toContain("The commands are in the construct's googleSetup");
});

test('a document is read from a file, which messages name', () => {
  const file = join(scratch, 'federation.json');
  writeFileSync(file, `\uFEFF${JSON.stringify(SIGNED_REQUEST)}`);

  const rig = vendorWith({ default: { file } });

  expect(variable(rig)).toEqual({ default: { document: SIGNED_REQUEST_READ } });
});

test.each([
  ['missing', undefined, /missing\.json: the credential file cannot be read \(ENOENT\)$/],
  ['mistyped', `{"private_key": "${'k'.repeat(64)}`, /mistyped\.json: the credential file is not JSON$/],
  ['list', '[]', /The file \S+list\.json cannot be used: its value is no JSON object\.$/],
  [
    'bare',
    JSON.stringify(PRIVATE_KEY_PEM),
    /The file \S+bare\.json cannot be used: it holds a secret, or what looks like one\. Put/,
  ],
  [
    'faulty',
    '{"type":"aws_kms"}',
    /The file \S+faulty\.json cannot be used: its field client_email is missing/,
  ],
])('a %s file is refused in one line, with nothing of what is in it', (name, text, line) => {
  const file = join(scratch, `${name}.json`);
  if (text !== undefined) {
    writeFileSync(file, text);
  }

  const message = refusal({ default: { file } });

  expect(message).toMatch(line);
  expect(message).not.toMatch(/\n|kkkk|BEGIN/);
});

/** What Lambda measures of documents, as its refusal quotes it: the variables as JSON, the documents in it as JSON again. */
function measured(documents: Readonly<Record<string, object>>): number {
  const locations = Object.entries(documents).map(([name, document]) => [name, { document }]);
  return Buffer.byteLength(JSON.stringify({ CREDENTIALS: JSON.stringify(Object.fromEntries(locations)) }));
}

/** Documents that take so many bytes, with `text` as the audiences of most. */
function documentsOf(bytes: number, text: string): Readonly<Record<string, object>> {
  const withFirst = (first: string) =>
    Object.fromEntries(
      [first, text, text, text].map((audience, index) => [
        `c${index}`,
        { ...WEB_IDENTITY, credential_source: { aws_web_identity_token: { audience } } },
      ]),
    );
  return withFirst('x'.repeat(bytes - measured(withFirst(''))));
}

function given(documents: Readonly<Record<string, object>>): GivenCredentials {
  return Object.fromEntries(
    Object.entries(documents).map(([name, document]) => [name, { document: { ...document } }]),
  );
}

test.each([
  ['plain ones', 'x'.repeat(450)],
  ['ones with quotes of their own, escaped twice', '"'.repeat(112)],
  ['ones with letters beyond ASCII', 'ü'.repeat(225)],
])('documents count towards what an environment can hold as Lambda measures them: %s', (_, text) => {
  const MAX_BYTES = 4_096 - 256;
  const most = documentsOf(MAX_BYTES, text);
  const more = documentsOf(MAX_BYTES + 1, text);
  expect([measured(most), measured(more)]).toEqual([MAX_BYTES, MAX_BYTES + 1]);

  expect(Object.keys(variable(vendorWith(given(most))))).toEqual(['c0', 'c1', 'c2', 'c3']);
  expect(refusal(given(more))).toMatch(
    /documents and ARNs of 4 credentials take about 3841 bytes, and .* ends at 4096/,
  );
});

test('what CloudFormation is yet to put into a text counts beside the rest of the text', () => {
  const document = (token: string) => ({ ...KMS, private_key_id: `${'x'.repeat(3_500)}${token}` });

  expect(refusal((stack) => ({ default: { document: document(stack.stackId) } }))).toContain('take about');
  expect(vendorWith({ default: { document: document('') } })).toBeDefined();
});

test('a service account that CloudFormation is yet to name is taken', () => {
  const rig = vendorWith((stack) => ({ default: { document: { ...KMS, client_email: stack.stackId } } }));

  expect(variable(rig)).toEqual({
    default: { document: { type: 'aws_kms', client_email: 'RESOLVED', key_id: 'RESOLVED' } },
  });
});

test.each([
  ['every credential is in a document', { default: { document: SIGNED_REQUEST } }, false],
  ['no credential is given', undefined, true],
])(
  'where %s, the function has the client for Secrets Manager only if it needs it',
  (_, credentials, isThere) => {
    const { app } = createVendorStack(() => (credentials === undefined ? {} : { credentials }));

    const { directory } = app.synth();
    const maps = readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.mjs.map'))
      .map((name) => readFileSync(join(directory, name), 'utf8'));

    expect(maps.length).toBeGreaterThan(1);
    expect(maps.some((map) => map.includes('client-secrets-manager'))).toBe(isThere);
    expect(maps.some((map) => map.includes('external-account'))).toBe(true);
  },
);
