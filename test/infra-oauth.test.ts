import { Aws, Duration, Stack, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import type { ConnectionProps } from '../infra/oauth-connection.ts';
import { GcpTokenVendor } from '../infra/token-vendor.ts';
import { createApp, createVendorStack, PROFILES } from './infra-rig.ts';

const AUDIENCE = 'https://europe-west1-example.cloudfunctions.net/hello';
const STORAGE = 'https://www.googleapis.com/auth/devstorage.read_only';
const SUFFIX = { 'Fn::Select': [2, { 'Fn::Split': ['/', { Ref: 'AWS::StackId' }] }] };
const VIA_SECRETS_MANAGER = {
  StringEquals: {
    'kms:ViaService': { 'Fn::Join': ['', ['secretsmanager.', { Ref: 'AWS::Region' }, '.amazonaws.com']] },
  },
};

type Rig = ReturnType<typeof createVendorStack>;

function withConnection(props: ConnectionProps = { audience: AUDIENCE }, profile = 'default') {
  const rig = createVendorStack();
  rig.vendor.profile(profile).connection(rig.stack, 'Connection', props);
  return rig;
}

function withClient() {
  const rig = createVendorStack();
  const client = rig.vendor.profile('reports').oauthClient(rig.stack, 'Client', { scopes: 'storage-ro' });
  return { ...rig, client };
}

/** The only logical id of a type that has `part` in it. */
function idOf({ resources }: Rig, type: string, part: string): string {
  const ids = Object.keys(resources(type)).filter((id) => id.includes(part));
  expect(ids).toHaveLength(1);
  return ids.join();
}

function oauthSecrets(rig: Rig) {
  const ids = Object.keys(rig.resources('AWS::SecretsManager::Secret')).filter((id) => id.includes('OAuth'));
  const find = (part: string) => ids.find((id) => id.includes(part)) ?? '';
  return { registry: find('Registry'), secret: find('Secret') };
}

/** The statements of the policy of a role of OAuth's. */
function statementsOf(rig: Rig, role: 'FunctionRole' | 'RegistrarRole'): unknown {
  const id = idOf(rig, 'AWS::IAM::Policy', `OAuth${role}`);
  const policy = rig.resources('AWS::IAM::Policy')[id]?.Properties.PolicyDocument;
  return (policy as { Statement: unknown }).Statement;
}

test('without a connection or a client there is nothing of OAuth in the template', () => {
  const { text, vendor } = createVendorStack();

  expect(text()).not.toMatch(/oauth|AWS::Events|RotationSchedule|"RouteSettings|Custom::/i);
  expect(vendor.oauth).toBeUndefined();
});

test('the route of OAuth alone has no IAM authorization, and comes to a function of its own', () => {
  const rig = withConnection();
  const { properties, resources } = rig;

  const open = properties('AWS::ApiGatewayV2::Route').filter(
    ({ AuthorizationType }) => AuthorizationType !== 'AWS_IAM',
  );

  expect(properties('AWS::ApiGatewayV2::Route')).toHaveLength(5);
  expect(open).toEqual([
    expect.objectContaining({ RouteKey: 'POST /oauth/token', AuthorizationType: 'NONE' }),
  ]);
  const integration = Object.keys(resources('AWS::ApiGatewayV2::Integration')).find((id) =>
    JSON.stringify(open[0]?.Target).includes(id),
  );
  expect(resources('AWS::ApiGatewayV2::Integration')[integration ?? '']?.Properties.IntegrationUri).toEqual({
    'Fn::GetAtt': [idOf(rig, 'AWS::Lambda::Function', 'OAuthFunction'), 'Arn'],
  });
});

test('API Gateway may invoke that function from that route, and nothing else', () => {
  const rig = withConnection();
  const fn = idOf(rig, 'AWS::Lambda::Function', 'OAuthFunction');

  const permissions = rig
    .properties('AWS::Lambda::Permission')
    .filter(({ FunctionName }) => JSON.stringify(FunctionName).includes(fn));

  expect(permissions).toEqual([
    {
      Action: 'lambda:InvokeFunction',
      FunctionName: { 'Fn::GetAtt': [fn, 'Arn'] },
      Principal: 'apigateway.amazonaws.com',
      SourceArn: {
        'Fn::Join': ['', expect.arrayContaining(['/$default/POST/oauth/token'])],
      },
    },
  ]);
});

test('the route has a throttle of its own, which is not there before the route', () => {
  const { resources } = withConnection();

  const [stage] = Object.values(resources('AWS::ApiGatewayV2::Stage'));

  expect(stage?.Properties).toMatchObject({
    DefaultRouteSettings: { ThrottlingRateLimit: 100, ThrottlingBurstLimit: 200 },
    RouteSettings: { 'POST /oauth/token': { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 100 } },
  });
  expect((stage as unknown as { DependsOn: string[] }).DependsOn).toContainEqual(
    expect.stringMatching(/POSToauthtoken/),
  );
});

test('the throttle that is given is taken', () => {
  const { vendor, stack, properties } = createVendorStack(() => ({
    oauthThrottle: { rateLimit: 3, burstLimit: 4 },
  }));
  vendor.profile('default').connection(stack, 'Connection', { audience: AUDIENCE });

  expect(properties('AWS::ApiGatewayV2::Stage')[0]?.RouteSettings).toEqual({
    'POST /oauth/token': { ThrottlingRateLimit: 3, ThrottlingBurstLimit: 4 },
  });
});

test('the connection asks the vendor with a reference to its secret, and the template has no secret', () => {
  const rig = withConnection();
  const { secret } = oauthSecrets(rig);

  const [connection] = rig.properties('AWS::Events::Connection');
  const { Name, ...rest } = connection ?? {};

  expect(rest).toEqual({
    Description: expect.any(String),
    AuthorizationType: 'OAUTH_CLIENT_CREDENTIALS',
    AuthParameters: {
      OAuthParameters: {
        AuthorizationEndpoint: {
          'Fn::Join': ['', [{ 'Fn::GetAtt': [expect.any(String), 'ApiEndpoint'] }, '/oauth/token']],
        },
        HttpMethod: 'POST',
        ClientParameters: {
          ClientID: expect.stringMatching(/^default-[0-9a-f]{16}$/),
          ClientSecret: {
            'Fn::Join': [
              '',
              ['{{resolve:secretsmanager:', { Ref: secret }, ':SecretString:client_secret::}}'],
            ],
          },
        },
        OAuthHttpParameters: {
          BodyParameters: [{ Key: 'grant_type', Value: 'client_credentials', IsValueSecret: false }],
        },
      },
    },
  });
  const [start] = (Name as { 'Fn::Join': [string, [string, unknown]] })['Fn::Join'][1];
  expect(Name).toEqual({ 'Fn::Join': ['', [start, SUFFIX]] });
  // A UUID follows it.
  expect(start.length + 36).toBeLessThanOrEqual(64);
});

test('the connection is made when all that answers its first request is there', () => {
  const { resources } = withConnection();

  const [connection] = Object.values(resources('AWS::Events::Connection'));
  const { DependsOn } = connection as unknown as { DependsOn: string[] };

  for (const part of [
    /POSToauthtoken/,
    /Stage/,
    /Registration/,
    /OAuthFunctionApiPOST/,
    /FunctionRoleDefaultPolicy/,
  ]) {
    expect(DependsOn).toContainEqual(expect.stringMatching(part));
  }
});

test('the OAuth function reads digests, asks for its profiles by their aliases, and may do nothing else', () => {
  const rig = withConnection();
  const { registry } = oauthSecrets(rig);

  expect(statementsOf(rig, 'FunctionRole')).toEqual([
    {
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: { 'Fn::GetAtt': [idOf(rig, 'AWS::KMS::Key', 'OAuthKey'), 'Arn'] },
      Condition: VIA_SECRETS_MANAGER,
    },
    {
      Effect: 'Allow',
      Action: 'lambda:InvokeFunction',
      Resource: { Ref: idOf(rig, 'AWS::Lambda::Alias', 'Profiledefault') },
    },
    { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: { Ref: registry } },
  ]);
});

test('the registrar rotates secrets, writes digests, updates connections of this stack, and may do nothing else', () => {
  const rig = withConnection();
  const { registry, secret } = oauthSecrets(rig);
  const own = (service: string, name: string, end: string) => ({
    'Fn::Join': [
      '',
      [
        'arn:',
        { Ref: 'AWS::Partition' },
        `:${service}:`,
        { Ref: 'AWS::Region' },
        ':',
        { Ref: 'AWS::AccountId' },
        `:${name}/*-`,
        SUFFIX,
        ...(end === '' ? [] : [end]),
      ],
    ],
  });

  expect(statementsOf(rig, 'RegistrarRole')).toEqual([
    {
      Effect: 'Allow',
      Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
      Resource: { 'Fn::GetAtt': [idOf(rig, 'AWS::KMS::Key', 'OAuthKey'), 'Arn'] },
      Condition: VIA_SECRETS_MANAGER,
    },
    {
      Effect: 'Allow',
      Action: [
        'secretsmanager:DescribeSecret',
        'secretsmanager:GetSecretValue',
        'secretsmanager:PutSecretValue',
        'secretsmanager:UpdateSecretVersionStage',
      ],
      Resource: { Ref: secret },
    },
    {
      Effect: 'Allow',
      Action: ['secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue'],
      Resource: { Ref: registry },
    },
    {
      Effect: 'Allow',
      Action: 'events:UpdateConnection',
      Resource: [own('events', 'connection', '/*'), own('events', 'connection', '')],
    },
    {
      Effect: 'Allow',
      Action: [
        'secretsmanager:DescribeSecret',
        'secretsmanager:GetSecretValue',
        'secretsmanager:PutSecretValue',
        'secretsmanager:UpdateSecret',
      ],
      Resource: own('secretsmanager', 'secret:events!connection', '/*'),
      Condition: { Bool: { 'aws:ViaAWSService': 'true' } },
    },
  ]);
});

test('neither function has anything of a credential of Google’s, and their own roles write their own logs', () => {
  const rig = withConnection();
  const credential = idOf(rig, 'AWS::SecretsManager::Secret', 'Credential');

  for (const role of ['OAuthFunctionRole', 'OAuthRegistrarRole']) {
    const { Properties } = rig.resources('AWS::IAM::Role')[idOf(rig, 'AWS::IAM::Role', role)] ?? {};
    expect(JSON.stringify(Properties)).not.toContain(credential);
    expect(Properties?.Policies).toEqual([
      {
        PolicyName: 'Log',
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              Resource: { 'Fn::GetAtt': [expect.stringContaining(role.replace('Role', 'Log')), 'Arn'] },
            },
          ],
        },
      },
    ]);
  }
});

test('the environment of the function says what each client is bound to, and nothing secret', () => {
  const { vendor, stack, properties } = createVendorStack();
  vendor.profile('default').connection(stack, 'Connection', { audience: AUDIENCE });
  vendor.profile('reports').oauthClient(stack, 'Client', { scopes: 'storage-ro' });

  const variables = properties('AWS::Lambda::Function').map(
    ({ Environment }) => (Environment as { Variables: Record<string, unknown> }).Variables,
  );
  const { CLIENTS } = variables.find(({ CLIENTS }) => CLIENTS !== undefined) ?? {};
  const parts = (CLIENTS as { 'Fn::Join': [string, unknown[]] })['Fn::Join'][1];
  const clients = JSON.parse(parts.map((part) => (typeof part === 'string' ? part : 'registry')).join(''));

  expect(Object.values(clients)).toEqual([
    { profile: 'default', audience: AUDIENCE, registry: 'registry' },
    { profile: 'reports', scopes: [STORAGE], registry: 'registry' },
  ]);
  expect(JSON.stringify(variables)).not.toMatch(/resolve:|client_secret/);
});

test('a secret is generated with more than 256 bits, under a key of its own, and is rotated every 30 days', () => {
  const rig = withConnection();
  const { registry, secret } = oauthSecrets(rig);
  const secrets = rig.resources('AWS::SecretsManager::Secret');

  expect(secrets[secret]?.Properties).toMatchObject({
    GenerateSecretString: {
      SecretStringTemplate: expect.stringMatching(/^\{"client_id":"default-[0-9a-f]{16}"\}$/),
      GenerateStringKey: 'client_secret',
      PasswordLength: 64,
      ExcludePunctuation: true,
    },
    KmsKeyId: { 'Fn::GetAtt': [idOf(rig, 'AWS::KMS::Key', 'OAuthKey'), 'Arn'] },
    Tags: [
      { Key: 'gcp-token-vendor:connection', Value: rig.properties('AWS::Events::Connection')[0]?.Name },
      { Key: 'gcp-token-vendor:registry', Value: { Ref: registry } },
    ],
  });
  expect(secrets[registry]?.Properties).not.toHaveProperty('GenerateSecretString');
  expect(rig.properties('AWS::SecretsManager::RotationSchedule')).toEqual([
    {
      SecretId: { Ref: secret },
      RotationLambdaARN: { 'Fn::GetAtt': [idOf(rig, 'AWS::Lambda::Function', 'OAuthRegistrar'), 'Arn'] },
      RotateImmediatelyOnUpdate: false,
      RotationRules: { AutomaticallyAfterDays: 30 },
    },
  ]);
});

test('Secrets Manager may have the registrar rotate exactly that secret', () => {
  const rig = withConnection();

  const permissions = rig
    .properties('AWS::Lambda::Permission')
    .filter(({ Principal }) => Principal === 'secretsmanager.amazonaws.com');

  expect(permissions).toEqual([
    expect.objectContaining({
      SourceArn: { Ref: oauthSecrets(rig).secret },
      SourceAccount: { Ref: 'AWS::AccountId' },
    }),
  ]);
});

test('a client that is not EventBridge has a secret, and no right over connections comes with it', () => {
  const rig = withClient();

  expect(rig.properties('AWS::Events::Connection')).toEqual([]);
  expect(rig.text()).not.toContain('events:UpdateConnection');
  expect(rig.client.clientId).toMatch(/^reports-[0-9a-f]{16}$/);
  expect(rig.stack.resolve(rig.client.secret.secretArn)).toEqual({ Ref: oauthSecrets(rig).secret });
  expect(JSON.stringify(rig.stack.resolve(rig.client.tokenUrl))).toContain('/oauth/token');
});

test('all the clients of a vendor share its two functions, and each has secrets and an id of its own', () => {
  const { vendor, stack, properties } = createVendorStack();
  const connect = (id: string) => vendor.profile('default').connection(stack, id, { audience: AUDIENCE });
  connect('A');
  connect('B');
  vendor
    .profile('reports')
    .oauthClient(stack, 'C', { scopes: ['storage-ro'], rotateAfter: Duration.days(7) });

  const ids = properties('AWS::SecretsManager::Secret').flatMap(
    ({ GenerateSecretString: generate }) =>
      (generate as { SecretStringTemplate: string } | undefined)?.SecretStringTemplate ?? [],
  );

  expect(new Set(ids).size).toBe(3);
  expect(properties('AWS::Lambda::Function')).toHaveLength(3);
  expect(
    properties('AWS::SecretsManager::RotationSchedule').map(({ RotationRules }) => RotationRules),
  ).toContainEqual({ AutomaticallyAfterDays: 7 });
});

test('a connection may be in another stack than its vendor', () => {
  const app = createApp();
  const vendor = new GcpTokenVendor(new Stack(app, 'Test'), 'Vendor', { profiles: PROFILES });
  const other = new Stack(app, 'Other');

  vendor.profile('reports').connection(other, 'Connection', { scopes: 'storage-ro' });

  const template = Template.fromStack(other);
  template.resourceCountIs('AWS::Events::Connection', 1);
  template.resourceCountIs('AWS::SecretsManager::Secret', 0);
});

test.each([
  ['region', { account: '111111111111', region: 'us-east-1' }],
  ['account', { account: '222222222222', region: 'eu-west-1' }],
])('a connection in another %s than its vendor, which could not work, is refused', (name, env) => {
  const app = createApp();
  const home = { account: '111111111111', region: 'eu-west-1' };
  const vendor = new GcpTokenVendor(new Stack(app, 'Test', { env: home }), 'Vendor', { profiles: PROFILES });
  const other = new Stack(app, 'Other', { env, crossRegionReferences: true });

  const create = () => vendor.profile('default').connection(other, 'Connection', { audience: AUDIENCE });

  expect(create).toThrow(`The connection Connection is in the ${name} ${env[name as 'region']}`);
});

test('the same input makes the same template', () => {
  expect(withConnection().text()).toBe(withConnection().text());
});

test.each<[string, ConnectionProps, string]>([
  [
    'an audience that the profile does not allow',
    { audience: 'https://a.run.app' },
    'does not allow the audience',
  ],
  ['a scope that it does not allow', { scopes: 'storage-rw' }, 'does not allow https://www.googleapis.com'],
  ['what is no audience', { audience: 'hello' }, 'audience: "hello" is neither'],
  ['no scope', { scopes: [] }, 'scopes: there must be 1 to 100'],
  ['neither', {} as ConnectionProps, 'give one'],
  ['both', { audience: AUDIENCE, scopes: 'email' } as unknown as ConnectionProps, 'give one'],
  ['what is not known yet', { audience: `https://${Aws.ACCOUNT_ID}.run.app` }, 'must be known at synth'],
  ['half a day', { audience: AUDIENCE, rotateAfter: Duration.hours(12) }, 'rotateAfter: 0.5 days'],
  ['too many days', { audience: AUDIENCE, rotateAfter: Duration.days(1_001) }, 'from 1 to 1000'],
])('refuses at synth a connection for %s', (_, props, message) => {
  expect(() => withConnection(props)).toThrow(message);
});

test.each(['connection', 'oauthClient'] as const)('refuses a %s without the HTTP API', (method) => {
  const { vendor, stack } = createVendorStack(() => ({ api: false }));

  const create = () => vendor.profile('default')[method](stack, 'X', { audience: AUDIENCE });

  expect(create).toThrow('there is no HTTP API: leave out api: false');
});

test('a dozen clients fit into the environment, and too many are refused', () => {
  const many = (count: number) => {
    const { vendor, stack, text } = createVendorStack();
    for (let index = 0; index < count; index += 1) {
      vendor.profile('default').connection(stack, `Connection${index}`, { audience: AUDIENCE });
    }
    return text;
  };

  expect(many(12)).not.toThrow();
  expect(many(40)).toThrow(/40 OAuth clients take about \d{4,5} bytes, and .* ends at 4096/);
});

test('where names are long, fewer clients fit into the environment', () => {
  const name = 'r'.repeat(63);
  const many = (count: number) => {
    const stack = new Stack(createApp(), 'Test');
    const vendor = new GcpTokenVendor(stack, 'V'.repeat(60), { profiles: { [name]: { scopes: ['email'] } } });
    for (let index = 0; index < count; index += 1) {
      vendor.profile(name).oauthClient(stack, `Client${index}`, { scopes: 'email' });
    }
    return () => Template.fromStack(stack);
  };

  expect(many(8)).not.toThrow();
  expect(many(11)).toThrow(/11 OAuth clients take about \d{4} bytes, and .* ends at 4096/);
});

test('three alarms watch OAuth beside those of the vendor', () => {
  const rig = withConnection();

  const alarms = rig
    .properties('AWS::CloudWatch::Alarm')
    .map(({ MetricName, Threshold }) => [MetricName, Threshold]);

  expect(alarms).toHaveLength(7);
  expect(alarms).toEqual(
    expect.arrayContaining([
      ['OAuthFailedLogins', 10],
      ['OAuthErrors', 1],
      ['Errors', 1],
    ]),
  );
  expect(rig.vendor.oauth?.alarms.failedLogins).toBeDefined();
});

test.each([
  ['without', {}],
  ['with', { env: { account: '123456789012', region: 'eu-west-1' } }],
])("AWS's rules find nothing in it, %s an environment", (_, props) => {
  const app = createApp();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const stack = new Stack(app, 'Test', props);
  const vendor = new GcpTokenVendor(stack, 'Vendor', { profiles: PROFILES });
  vendor.profile('default').connection(stack, 'Connection', { audience: AUDIENCE });
  vendor.profile('reports').oauthClient(stack, 'Client', { scopes: 'storage-ro' });

  expect(() => app.synth()).not.toThrow();
});
