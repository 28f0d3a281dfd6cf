import { Aws } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import type { GivenCredentials } from '../infra/credentials.ts';
import { googleSetup } from '../infra/google-setup.ts';
import { parseKeylessDocument } from '../infra/keyless-document.ts';
import { TokenVendorStack } from '../infra/token-vendor-stack.ts';
import type { ProfileDocument } from '../lambda/policy/profiles.ts';
import { createApp, createVendorStack, PROFILES } from './infra-rig.ts';
import {
  EMAIL,
  impersonating,
  impersonationUrl,
  itself,
  KMS,
  KMS_KEY_ARN,
  SIGNED_REQUEST,
  TARGET,
  WEB_IDENTITY,
} from './make-keyless.ts';

/** An output's value is limited where it is exported, and these should be readable in a terminal anyway. */
const MAX_LENGTH = 1_024;
const ROLE = {
  partition: 'aws',
  accountId: '111122223333',
  name: 'R'.repeat(64),
  arn: `arn:aws:iam::111122223333:role/${'R'.repeat(64)}`,
};

/** A service account whose name CloudFormation is yet to put in. */
const UNNAMED = `vendor@${Aws.ACCOUNT_ID}.iam.gserviceaccount.com`;

type Value =
  | string
  | {
      readonly Ref?: string;
      readonly 'Fn::GetAtt'?: readonly [string, string];
      readonly 'Fn::Join'?: readonly [string, readonly Value[]];
    };
type Output = { readonly Description: string; readonly Value: Value };

/** What CloudFormation would make of a value, for the role of {@link ROLE}; what nobody asks for stays as it is. */
function resolve(value: Value): string {
  if (typeof value === 'string') {
    return value;
  }
  const { Ref, 'Fn::GetAtt': attribute = [Ref ?? '', ''], 'Fn::Join': join } = value;
  if (join !== undefined) {
    return join[1].map(resolve).join(join[0]);
  }
  const [id, name] = attribute;
  const known: Readonly<Record<string, string>> = {
    'AWS::Partition': ROLE.partition,
    'AWS::AccountId': ROLE.accountId,
  };
  if (id.includes('FunctionRole')) {
    return name === 'Arn' ? ROLE.arn : ROLE.name;
  }
  return known[id] ?? (id.includes('SigningKey') ? KMS_KEY_ARN : JSON.stringify(value));
}

/** The stack's outputs, each as its description and its value; a profile has `more` than scopes. */
function outputsWith(
  credentials?: GivenCredentials,
  more: ProfileDocument = {},
): Readonly<Record<string, readonly [string, string]>> {
  const names = Object.keys(credentials ?? {});
  const profiles =
    credentials === undefined
      ? PROFILES
      : Object.fromEntries(names.map((name) => [name, { credential: name, scopes: ['email'], ...more }]));
  const stack = new TokenVendorStack(createApp(), 'GcpTokenVendor', {
    profiles,
    ...(credentials && { credentials }),
  });
  const outputs = Template.fromStack(stack).findOutputs('*') as Record<string, Output>;
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { Description, Value }]) => [name, [Description, resolve(Value)]]),
  );
}

/** The words of a command, whichever of them are quoted. */
function words(command: string): string {
  return command.replaceAll("'", '');
}

/** The commands of the stack for Google, in their order. */
function setupOf(credentials: GivenCredentials, more?: ProfileDocument): readonly string[] {
  return Object.entries(outputsWith(credentials, more))
    .filter(([name]) => name.startsWith('GoogleSetup'))
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([, [, value]]) => value);
}

test('the outputs are what a newcomer needs next: the secret, and the command that fills it', () => {
  const outputs = outputsWith();

  expect(Object.keys(outputs).sort()).toEqual([
    'CredentialSecretName',
    'DoctorCommand',
    'FunctionRoleArn',
    'NextSteps',
    'TokenApiUrl',
    'TokenFunctionName',
  ]);
  expect(outputs.NextSteps?.[1]).toBe(
    `aws secretsmanager put-secret-value --secret-id ${outputs.CredentialSecretName?.[1]} --secret-string file://sa.json`,
  );
  expect(outputs.CredentialSecretName?.[1]).toMatch(/Credential/);
});

test('an output is the command that has the function say what it can do', () => {
  const outputs = outputsWith({ default: { document: SIGNED_REQUEST } });

  expect(outputs.DoctorCommand?.[1]).toBe(`npm run doctor -- --function ${outputs.TokenFunctionName?.[1]}`);
  expect(outputs.TokenFunctionName?.[1]).toMatch(/^{"Ref":"\w*Function\w*"}$/);
});

test.each([
  ['federation by signed requests', SIGNED_REQUEST, SIGNED_REQUEST],
  ["federation by AWS's tokens", WEB_IDENTITY, WEB_IDENTITY],
  ['a key in KMS', KMS, { ...KMS, key_id: KMS_KEY_ARN }],
])(
  "the outputs for %s are the commands for Google's side, with the stack's own role and account",
  (_, given, document) => {
    const commands = setupOf({ default: { document: given } });

    const expected = googleSetup({
      document: parseKeylessDocument(document, 'document'),
      role: ROLE,
      uses: itself(),
    });
    expect(commands.map(words)).toEqual(expected.map(({ command }) => words(command)));
    expect(commands.filter((command) => command.length > MAX_LENGTH)).toEqual([]);
  },
);

test.each([
  ['acts for users', { subjects: ['alice@example.com'] }, 'roles/iam.serviceAccountTokenCreator'],
  ['has tokens that the account signs itself', { selfSigned: true }, 'roles/iam.serviceAccountTokenCreator'],
  [
    'has another account do that',
    { selfSigned: true, impersonate: { serviceAccount: TARGET } },
    'roles/iam.workloadIdentityUser',
  ],
  ['does neither', {}, 'roles/iam.workloadIdentityUser'],
])('where a profile %s, the function is let act as the account so far', (_, more, role) => {
  const commands = setupOf({ default: { document: SIGNED_REQUEST } }, more);

  const binding = commands.find((command) => command.includes(` projects/-/serviceAccounts/${EMAIL} `));
  expect(binding).toContain(` --role=${role} `);
});

test("the outputs let the credential act as the profile's account, and give no role to who needs none", () => {
  const { service_account_impersonation_url: _, ...bare } = SIGNED_REQUEST;

  const commands = setupOf(
    { default: { document: bare } },
    { impersonate: { serviceAccount: TARGET, delegates: [EMAIL] } },
  );

  const bindings = commands.filter((command) => command.includes('add-iam-policy-binding'));
  expect(bindings).toEqual([
    expect.stringContaining(
      ` projects/-/serviceAccounts/${EMAIL} --role=roles/iam.serviceAccountTokenCreator`,
    ),
    expect.stringContaining(
      ` projects/-/serviceAccounts/${TARGET} --role=roles/iam.serviceAccountTokenCreator`,
    ),
  ]);
  expect(commands.join()).not.toContain('--role=ROLE');
});

test.each([
  ['the account of a key in KMS', { ...KMS, client_email: UNNAMED }],
  ['an account on top of it', impersonating({ ...KMS, client_email: UNNAMED })],
  [
    'an account on top of a federation',
    { ...SIGNED_REQUEST, service_account_impersonation_url: impersonationUrl(UNNAMED) },
  ],
  ['an account between others', impersonating(SIGNED_REQUEST, { delegates: [UNNAMED] })],
])(
  'where CloudFormation is yet to name %s, it is in the commands, and no description has it',
  (_, document) => {
    const outputs = outputsWith({ default: { document } });

    const descriptions = Object.values(outputs).map(([description]) => description);
    expect(descriptions.filter((description) => typeof description !== 'string')).toEqual([]);
    expect(descriptions.join()).not.toContain('Token[');
    expect(
      Object.values(outputs)
        .map(([, value]) => value)
        .join(),
    ).toContain(`vendor@${ROLE.accountId}.iam.gserviceaccount.com`);
  },
);

test('an output is the role that Google is to admit', () => {
  expect(outputsWith().FunctionRoleArn?.[1]).toBe(ROLE.arn);
});

test('without a secret no output speaks of one', () => {
  const outputs = outputsWith({ default: { document: SIGNED_REQUEST } });

  expect(Object.keys(outputs)).not.toContain('CredentialSecretName');
  expect(Object.keys(outputs)).not.toContain('NextSteps');
});

test('what two credentials share is set up once, and each output says whose it is', () => {
  const credentials = { a: { document: SIGNED_REQUEST }, b: { document: KMS } };

  const commands = setupOf({ ...credentials, c: { document: SIGNED_REQUEST } });
  const descriptions = Object.entries(outputsWith(credentials))
    .filter(([name]) => name.startsWith('GoogleSetup'))
    .map(([, [description]]) => description.slice(0, 'For the credential a'.length));

  expect(commands).toHaveLength(6);
  expect(new Set(commands).size).toBe(6);
  expect(descriptions).toEqual([
    ...Array(4).fill('For the credential a'),
    ...Array(2).fill('For the credential b'),
  ]);
});

test("a stack of one's own has in the construct the commands that are outputs here", () => {
  const credentials = { default: { document: KMS } };
  const { stack, vendor } = createVendorStack(() => ({ credentials }));

  const commands = vendor.googleSetup.map(({ command }) => resolve(stack.resolve(command)));

  expect(commands).toEqual(setupOf(credentials));
  expect(createVendorStack().vendor.googleSetup).toEqual([]);
});
