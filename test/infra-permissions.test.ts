import { Stack } from 'aws-cdk-lib';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { expect, test } from 'vitest';
import { GcpTokenVendor } from '../infra/token-vendor.ts';
import { createApp, createVendorStack, PROFILES } from './infra-rig.ts';

const ROLE = 'AWS::IAM::Role';
const POLICY = 'AWS::IAM::Policy';
const SECRET = 'AWS::SecretsManager::Secret';
const LAMBDA_TRUST = {
  Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' } }],
  Version: '2012-10-17',
};
const VIA_SECRETS_MANAGER = {
  'Fn::Join': ['', ['secretsmanager.', { Ref: 'AWS::Region' }, '.amazonaws.com']],
};

type Statement = Readonly<Record<string, unknown>>;

function statements(policy: unknown): readonly Statement[] {
  return (policy as { PolicyDocument: { Statement: readonly Statement[] } }).PolicyDocument.Statement;
}

function writeLogs(logGroup: string): Statement {
  return {
    Effect: 'Allow',
    Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    Resource: { 'Fn::GetAtt': [logGroup, 'Arn'] },
  };
}

function functionLog(resources: (type: string) => object): string {
  return Object.keys(resources('AWS::Logs::LogGroup'))
    .filter((id) => id.includes('FunctionLog'))
    .join();
}

function functionPolicies(properties: (type: string) => readonly Readonly<Record<string, unknown>>[]) {
  const role = properties(ROLE).find(({ Policies }) => Policies !== undefined);
  const policies = role?.Policies as readonly unknown[] | undefined;
  return policies?.flatMap(statements);
}

test('the function reads its secret, decrypts it with its key, writes its log, and may do nothing else', () => {
  const { properties, resources, idOf } = createVendorStack();

  const roles = properties(ROLE);

  expect(properties(POLICY)).toEqual([]);
  expect(properties('AWS::IAM::ManagedPolicy')).toEqual([]);
  expect(roles).toEqual([
    {
      Description: expect.any(String),
      AssumeRolePolicyDocument: LAMBDA_TRUST,
      Policies: [{ PolicyName: 'Vendor', PolicyDocument: expect.anything() }],
    },
  ]);
  expect(functionPolicies(properties)).toEqual([
    { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: { Ref: idOf(SECRET) } },
    {
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: { 'Fn::GetAtt': [idOf('AWS::KMS::Key'), 'Arn'] },
      Condition: {
        StringEquals: {
          'kms:ViaService': VIA_SECRETS_MANAGER,
          'kms:EncryptionContext:SecretARN': { Ref: idOf(SECRET) },
        },
      },
    },
    writeLogs(functionLog(resources)),
  ]);
});

test('reads given secrets by exact ARN, by six wildcards where only the name is known, and no unused one', () => {
  const { properties, resources } = createVendorStack((stack) => ({
    profiles: {
      a: { credential: 'whole', scopes: ['email'] },
      b: { credential: 'named', scopes: ['email'] },
    },
    credentials: {
      whole: Secret.fromSecretCompleteArn(
        stack,
        'W',
        'arn:aws:secretsmanager:eu-west-1:111111111111:secret:w-AbCdEf',
      ),
      named: Secret.fromSecretAttributes(stack, 'N', {
        secretPartialArn: 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:n',
        encryptionKey: Key.fromKeyArn(stack, 'K', 'arn:aws:kms:eu-west-1:111111111111:key/k'),
      }),
      unused: Secret.fromSecretNameV2(stack, 'U', 'unused'),
    },
  }));

  const policies = functionPolicies(properties);

  expect(policies).toEqual([
    {
      Effect: 'Allow',
      Action: 'secretsmanager:GetSecretValue',
      Resource: [
        'arn:aws:secretsmanager:eu-west-1:111111111111:secret:n-??????',
        'arn:aws:secretsmanager:eu-west-1:111111111111:secret:w-AbCdEf',
      ],
    },
    {
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: 'arn:aws:kms:eu-west-1:111111111111:key/k',
      Condition: {
        StringEquals: { 'kms:ViaService': 'secretsmanager.eu-west-1.amazonaws.com' },
        StringLike: {
          'kms:EncryptionContext:SecretARN': 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:n-??????',
        },
      },
    },
    writeLogs(functionLog(resources)),
  ]);
  expect(properties(SECRET)).toEqual([]);
});

test('warns of a given credential that no profile uses', () => {
  const { stack, vendor } = createVendorStack((scope) => ({
    credentials: { default: new Secret(scope, 'D'), spare: new Secret(scope, 'S') },
  }));

  const warnings = vendor.node.metadata.map(({ data }) => String(data)).join();

  expect(stack.node.children).toHaveLength(3);
  expect(warnings).toContain('No profile mints from the credential "spare"');
});

test('grants the use of a profile on exactly its alias and its two routes', () => {
  const { stack, vendor, resources, properties, idOf } = createVendorStack();
  const role = new Role(stack, 'Caller', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });

  vendor.profile('reports').grantVend(role);

  const alias = Object.keys(resources('AWS::Lambda::Alias'))
    .filter((id) => id.includes('reports'))
    .join();
  const route = (method: string) => ({
    'Fn::Join': [
      '',
      [
        'arn:',
        { Ref: 'AWS::Partition' },
        ':execute-api:',
        { Ref: 'AWS::Region' },
        ':',
        { Ref: 'AWS::AccountId' },
        ':',
        { Ref: idOf('AWS::ApiGatewayV2::Api') },
        `/$default/${method}/profiles/reports/token`,
      ],
    ],
  });
  expect(properties(POLICY).flatMap(statements)).toEqual([
    { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: { Ref: alias } },
    { Effect: 'Allow', Action: 'execute-api:Invoke', Resource: [route('GET'), route('POST')] },
  ]);
});

test('grants the alias alone where there is no API', () => {
  const { stack, vendor, properties } = createVendorStack(() => ({ api: false }));
  const role = new Role(stack, 'Caller', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });

  vendor.profile('default').grantVend(role);

  expect(
    properties(POLICY)
      .flatMap(statements)
      .map(({ Action }) => Action),
  ).toEqual(['lambda:InvokeFunction']);
});

test.each([
  [
    'a role of another account',
    (stack: Stack) => Role.fromRoleArn(stack, 'R', 'arn:aws:iam::222222222222:role/x'),
  ],
  ['anybody', () => new AnyPrincipal()],
  ['a service', () => new ServicePrincipal('events.amazonaws.com')],
])('refuses to grant a profile to %s', (_, granteeIn) => {
  const stack = new Stack(createApp(), 'Test', { env: { account: '111111111111', region: 'eu-west-1' } });
  const vendor = new GcpTokenVendor(stack, 'Vendor', { profiles: PROFILES });

  const grant = () => vendor.profile('default').grantVend(granteeIn(stack));

  expect(grant).toThrow(/The profile default cannot be granted to .* make a role in this one/s);
});

test('names the profiles there are when one is asked for that is not', () => {
  const { vendor } = createVendorStack();

  expect(() => vendor.profile('nope')).toThrow(
    'profile: there is no profile "nope"; there are: default, reports',
  );
});

test('in a VPC Lambda may make network interfaces, and the code of the function may not', () => {
  const { properties, idOf } = createVendorStack((stack) => ({
    vpc: new Vpc(stack, 'Vpc', { maxAzs: 1, restrictDefaultSecurityGroup: false }),
  }));

  const policies = properties(POLICY).flatMap(statements);
  const change = [
    'ec2:AssignPrivateIpAddresses',
    'ec2:CreateNetworkInterface',
    'ec2:DeleteNetworkInterface',
    'ec2:UnassignPrivateIpAddresses',
  ];
  const describe = ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'];
  const all = [
    'arn:',
    { Ref: 'AWS::Partition' },
    ':ec2:',
    { Ref: 'AWS::Region' },
    ':',
    { Ref: 'AWS::AccountId' },
    ':*/*',
  ];
  const itself = { 'Fn::GetAtt': [idOf('AWS::Lambda::Function'), 'Arn'] };
  expect(policies).toHaveLength(3);
  expect(policies).toEqual(
    expect.arrayContaining([
      { Effect: 'Allow', Action: change, Resource: { 'Fn::Join': ['', all] } },
      { Effect: 'Allow', Action: describe, Resource: '*' },
      {
        Effect: 'Deny',
        Action: [...change, ...describe].sort(),
        Resource: '*',
        Condition: { ArnEquals: { 'lambda:SourceFunctionArn': itself } },
      },
    ]),
  );
  expect(properties('AWS::Lambda::Function')[0]?.VpcConfig).toBeDefined();
  expect(properties(ROLE).flatMap(({ ManagedPolicyArns }) => ManagedPolicyArns ?? [])).toEqual([]);
});

test('the secret and its key are kept when the stack goes, and the key rotates', () => {
  const { resources } = createVendorStack();

  const kept = [...Object.values(resources(SECRET)), ...Object.values(resources('AWS::KMS::Key'))];

  expect(kept).toHaveLength(2);
  expect(kept).toEqual([
    expect.objectContaining({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' }),
    expect.objectContaining({
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: expect.objectContaining({ EnableKeyRotation: true }),
    }),
  ]);
});

test('the secret is made empty: neither a value nor a generated one is in the template', () => {
  const { properties } = createVendorStack();

  const [secret] = properties(SECRET);

  expect(Object.keys(secret ?? {}).sort()).toEqual(['Description', 'KmsKeyId']);
});

test('nobody but API Gateway is let in by a resource policy, and each permission is for one route', () => {
  const { properties, text } = createVendorStack();

  const permissions = properties('AWS::Lambda::Permission');

  expect(permissions).toHaveLength(4);
  expect(new Set(permissions.map(({ Principal }) => Principal))).toEqual(
    new Set(['apigateway.amazonaws.com']),
  );
  expect(
    permissions.map(({ SourceArn }) => JSON.stringify(SourceArn).match(/\/\$default[^"]*/)?.[0]).sort(),
  ).toEqual([
    '/$default/GET/profiles/reports/token',
    '/$default/GET/token',
    '/$default/POST/profiles/reports/token',
    '/$default/POST/token',
  ]);
  expect(text()).not.toMatch(/"(?:Principal|AWS)":"\*"/);
  expect(properties('AWS::Lambda::Url')).toEqual([]);
});
