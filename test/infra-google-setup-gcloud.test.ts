import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { googleSetup } from '../infra/google-setup.ts';
import { parseKeylessDocument } from '../infra/keyless-document.ts';
import {
  EMAIL,
  itself,
  KMS,
  KMS_KEY_ARN,
  PROVIDER,
  SIGNED_REQUEST,
  SIGNED_REQUEST_READ,
  WEB_IDENTITY,
} from './make-keyless.ts';
import { needTool, runTool } from './optional-tool.ts';
import { ISSUER } from './setup-commands.ts';

const ROLE = {
  partition: 'aws',
  accountId: '111122223333',
  name: 'vendor',
  arn: 'arn:aws:iam::111122223333:role/vendor',
};
const PROJECT = '/v1/projects/123456789012';
const POOLS = `${PROJECT}/locations/global/workloadIdentityPools`;
const POOL = PROVIDER.replace(/\/providers\/.*/, '');

type Asked = {
  readonly method: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
};

const directory = mkdtempSync(join(tmpdir(), 'gcloud-'));
let asked: Asked[] = [];

/** So much of Google's APIs that gcloud is content. */
const google = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const path = request.url?.replace(/[?&]alt=json/, '') ?? '';
    const text = Buffer.concat(chunks).toString();
    asked.push({ method: request.method ?? '', path, body: text === '' ? {} : JSON.parse(text) });
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answerTo(path)));
  });
});

function answerTo(path: string): object {
  if (path.includes('IamPolicy')) {
    return { etag: 'eA==' };
  }
  return path.includes('/keys:upload')
    ? { name: `projects/example-project/serviceAccounts/${EMAIL}/keys/0123456789abcdef` }
    : {
        name: `${POOLS.slice(4)}/aws/operations/o`,
        done: true,
        response: { '@type': 'type.googleapis.com/google.iam.v1.WorkloadIdentityPool' },
      };
}

beforeAll(async () => {
  google.listen(0, '127.0.0.1');
  await once(google, 'listening');
  writeFileSync(join(directory, 'aws'), `#!/bin/sh\necho ${ISSUER}\n`, { mode: 0o755 });
  writeFileSync(join(directory, 'cert.pem'), 'a certificate');
});

beforeEach(() => {
  asked = [];
});

afterAll(() => {
  google.close();
  rmSync(directory, { recursive: true });
});

/** Runs the commands for a document of those that begin so, with a gcloud that is set to no project. */
async function run(document: object, start: string): Promise<string> {
  const url = `http://127.0.0.1:${(google.address() as AddressInfo).port}/`;
  const commands = googleSetup({
    document: parseKeylessDocument(document, 'document'),
    role: ROLE,
    uses: itself(),
  })
    .map(({ command }) => command)
    .filter((command) => command.startsWith(start));
  const { status, stdout, stderr } = await runTool(
    '/bin/sh',
    ['-ec', `cd ${directory}\n${commands.join('\n')}`],
    {
      PATH: `${directory}:${process.env.PATH}`,
      CLOUDSDK_CONFIG: join(directory, 'gcloud-config'),
      CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
      CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: '1',
      CLOUDSDK_CORE_CHECK_GCE_METADATA: '0',
      CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: '1',
      CLOUDSDK_AUTH_ACCESS_TOKEN: 'ya29.an-example',
      CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM: url,
      CLOUDSDK_API_ENDPOINT_OVERRIDES_SERVICEUSAGE: url,
      CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER: url,
    },
  );
  expect(status, stderr).toBe(0);
  return stdout;
}

test('gcloud takes the commands for federation by signed requests, and asks Google for what they say', {
  timeout: 90_000,
}, async (context) => {
  await needTool(context, 'gcloud', ['--version']);

  await run(SIGNED_REQUEST, 'gcloud');

  const role = 'arn:aws:sts::111122223333:assumed-role/vendor';
  expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
    `POST ${PROJECT}/services:batchEnable`,
    `POST ${POOLS}&workloadIdentityPoolId=aws`,
    `POST ${POOLS}/aws/providers&workloadIdentityPoolProviderId=token-vendor`,
    `POST /v1/projects/-/serviceAccounts/${EMAIL}:getIamPolicy&options.requestedPolicyVersion=3`,
    `POST /v1/projects/-/serviceAccounts/${EMAIL}:setIamPolicy`,
  ]);
  expect(asked[0]?.body).toEqual({
    serviceIds: ['iam.googleapis.com', 'iamcredentials.googleapis.com', 'sts.googleapis.com'],
  });
  expect(asked[2]?.body).toEqual({
    disabled: false,
    aws: { accountId: '111122223333' },
    attributeMapping: {
      'google.subject': 'assertion.arn.extract("assumed-role/{role}/")',
      'attribute.aws_role':
        'assertion.arn.extract("{account_arn}assumed-role/") + "assumed-role/" + assertion.arn.extract("assumed-role/{role}/")',
    },
    attributeCondition: `attribute.aws_role == "${role}"`,
  });
  expect(asked[4]?.body).toMatchObject({
    policy: {
      bindings: [
        {
          role: 'roles/iam.workloadIdentityUser',
          members: [`principalSet:${POOL}/attribute.aws_role/${role}`],
        },
      ],
    },
  });
});

test("gcloud takes the provider for AWS's tokens, its audience whole and its issuer from AWS", {
  timeout: 90_000,
}, async (context) => {
  await needTool(context, 'gcloud', ['--version']);
  const audience = 'one,two::three:';
  const credential_source = { aws_web_identity_token: { audience } };

  await run({ ...WEB_IDENTITY, credential_source }, 'gcloud iam workload-identity-pools providers');

  expect(asked.map(({ body }) => body)).toEqual([
    {
      disabled: false,
      oidc: { issuerUri: ISSUER, allowedAudiences: [audience] },
      attributeMapping: {
        'google.subject': 'assertion.sub.extract("role/{role}")',
        'attribute.aws_role': 'assertion.sub',
      },
      attributeCondition: `attribute.aws_role == "${ROLE.arn}"`,
    },
  ]);
});

const AS_ACCOUNT = ['--service-account', EMAIL];

test.for<readonly [string, readonly string[], object]>([
  ['an account', AS_ACCOUNT, {}],
  ['an account, with the second version of the metadata service', [...AS_ACCOUNT, '--enable-imdsv2'], {}],
  [
    'an account, with a lifetime',
    [...AS_ACCOUNT, '--service-account-token-lifetime-seconds', '7200'],
    { service_account_impersonation: { token_lifetime_seconds: 7_200 } },
  ],
  ['the function itself', [], { service_account_impersonation_url: undefined }],
])(
  'what gcloud writes for %s is taken, without what the function does not read',
  {
    timeout: 90_000,
  },
  async ([_, flags, more], context) => {
    await needTool(context, 'gcloud', ['--version']);
    const file = join(directory, 'federation.json');
    const provider = PROVIDER.replace('//iam.googleapis.com/', '');
    const command = ['iam', 'workload-identity-pools', 'create-cred-config', provider];

    const { status, stderr } = await runTool(
      'gcloud',
      [...command, '--aws', `--output-file=${file}`, ...flags],
      { CLOUDSDK_CONFIG: join(directory, 'gcloud-config') },
    );

    expect(status, stderr).toBe(0);
    const { fields } = parseKeylessDocument(JSON.parse(readFileSync(file, 'utf8')), 'document');
    expect(fields).toEqual({ ...SIGNED_REQUEST_READ, ...more });
  },
);

test('gcloud gives Google the certificate, and prints the name of the key alone', {
  timeout: 90_000,
}, async (context) => {
  await needTool(context, 'gcloud', ['--version']);

  const stdout = await run({ ...KMS, key_id: KMS_KEY_ARN }, 'gcloud');

  expect(stdout).toBe('0123456789abcdef\n');
  expect(asked).toEqual([
    {
      method: 'POST',
      path: `/v1/projects/-/serviceAccounts/${EMAIL}/keys:upload`,
      body: { publicKeyData: Buffer.from('a certificate').toString('base64') },
    },
  ]);
});
