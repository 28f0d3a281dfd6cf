import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { afterAll, expect, test } from 'vitest';
import { startMetadataServer } from '../client/metadata/metadata-server.ts';
import { createTokenClient } from '../client/token-client.ts';
import { CallTaskStack } from '../examples/call-task/stack.ts';
import { ComputeStack } from '../examples/compute/stack.ts';
import { ConnectionStack } from '../examples/connection/stack.ts';
import { findPython } from '../examples/find-python.ts';
import { LambdaStack } from '../examples/lambda/stack.ts';
import { PythonEcsStack } from '../examples/python-ecs/stack.ts';
import { startLocalVendor } from '../local/local-vendor.ts';
import { FUNCTION_NAME, REGION } from '../local/place.ts';
import { needTool, runTool } from './optional-tool.ts';

type Statement = { readonly Action: unknown; readonly Resource: unknown };
type Policy = {
  readonly Properties: { readonly PolicyDocument: { readonly Statement: readonly Statement[] } };
};

type Variable = { readonly Name: string; readonly Value: unknown };
type Container = {
  readonly Name: string;
  readonly Environment: readonly Variable[];
  readonly HealthCheck?: { readonly Command: readonly string[] };
};
type Task = { readonly Properties: { readonly ContainerDefinitions: readonly Container[] } };

const EXAMPLES = join(import.meta.dirname, '../examples');
const outdir = mkdtempSync(join(tmpdir(), 'examples-'));
afterAll(() => rmSync(outdir, { recursive: true }));

/** A stack of the examples as a consumer's app makes it: without the feature flags of this repository. */
function synthesize(make: (app: App) => Stack): Template {
  return Template.fromStack(make(new App({ outdir, analyticsReporting: false })));
}

/** What the attached policies of a stack allow, those of one role: the vendor's own roles have theirs inline. */
function statementsOf(template: Template, role: string): readonly Statement[] {
  const policies = Object.values(template.findResources('AWS::IAM::Policy') as Record<string, Policy>);
  return policies
    .filter(({ Properties }) => JSON.stringify(Properties).includes(`"Roles":[{"Ref":"${role}`))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
}

async function startExampleVendor(folder: string) {
  return await startLocalVendor(
    {
      help: false,
      port: 0,
      profilesFile: join(EXAMPLES, folder, 'profiles.json'),
      credential: { kind: 'stand-in' },
      requireSignature: true,
    },
    { audit: { record: () => {}, warn: () => {} }, log: () => {} },
  );
}

function aliasOf(template: Template, profile: string): object {
  const aliases = template.findResources('AWS::Lambda::Alias', { Properties: { Name: profile } });
  return { Ref: Object.keys(aliases).join() };
}

const compute = synthesize((app) => new ComputeStack(app, 'Compute'));
const pythonEcs = synthesize((app) => new PythonEcsStack(app, 'PythonEcs'));
const callTask = synthesize((app) => new CallTaskStack(app, 'CallTask'));
const connection = synthesize((app) => new ConnectionStack(app, 'Connection'));
const lambda = synthesize((app) => new LambdaStack(app, 'Lambda'));

test('compute: the role may use the profile, by its alias and its routes, and nothing else', () => {
  const [invoke, routes, ...others] = statementsOf(compute, 'InventoryRole');

  expect(invoke).toEqual({
    Effect: 'Allow',
    Action: 'lambda:InvokeFunction',
    Resource: aliasOf(compute, 'inventory'),
  });
  expect(routes).toMatchObject({ Effect: 'Allow', Action: 'execute-api:Invoke' });
  expect(JSON.stringify(routes?.Resource).match(/[A-Z]+\/profiles\/[^"]*/g)).toEqual([
    'GET/profiles/inventory/token',
    'POST/profiles/inventory/token',
  ]);
  expect(others).toEqual([]);
});

test('lambda: the function may invoke the alias that is the profile, and nothing else', () => {
  expect(statementsOf(lambda, 'Caller')).toEqual([
    { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: aliasOf(lambda, 'hello') },
  ]);
});

/** The code of a function that CDK bundled, in a file. */
function codeOf(template: Template, functionId: string): string {
  const resources: unknown = template.findResources('AWS::Lambda::Function');
  const key = /"S3Key":"([0-9a-f]+)\.zip"/.exec(
    JSON.stringify(Object.entries(resources as object).find(([id]) => id.startsWith(functionId))),
  )?.[1];
  return join(outdir, `asset.${key}`, 'index.js');
}

test('lambda: the function as it is deployed calls the Cloud Function, with what the stack tells it', async () => {
  const vendor = await startExampleVendor('lambda');
  const { accessKeyId, secretAccessKey } = vendor.credential;
  lambda.hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: {
        FUNCTION_URL: vendor.google?.functionAudience,
        GCP_TOKEN_FUNCTION: Match.objectLike({ Ref: Match.stringLikeRegexp('^VendorFunction') }),
        GCP_TOKEN_PROFILE: 'hello',
      },
    },
  });
  const program = `require(${JSON.stringify(codeOf(lambda, 'Caller'))}).handler({}).then(console.log)`;

  const { stdout, stderr } = await runTool(process.execPath, ['-e', program], {
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_ENDPOINT_URL_LAMBDA: vendor.url,
    FUNCTION_URL: vendor.google?.functionUrl ?? '',
    FUNCTION_AUDIENCE: vendor.google?.functionAudience ?? '',
    GCP_TOKEN_FUNCTION: FUNCTION_NAME,
    GCP_TOKEN_PROFILE: 'hello',
  });
  await vendor.close();

  expect(stderr).toBe('');
  expect(stdout).toMatch(/^Hello, vendor@/);
});

test('python-ecs: the program begins once the metadata server answers', () => {
  pythonEcs.hasResourceProperties('AWS::ECS::TaskDefinition', {
    ContainerDefinitions: Match.arrayWith([
      Match.objectLike({
        Name: 'Program',
        DependsOn: [{ ContainerName: 'MetadataServer', Condition: 'HEALTHY' }],
      }),
    ]),
  });
});

test('python-ecs: the task may invoke the alias that is the profile, and nothing else', () => {
  expect(statementsOf(pythonEcs, 'TaskTaskRole')).toEqual([
    { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: aliasOf(pythonEcs, 'reports') },
  ]);
});

function containerOf(template: Template, name: string): Container | undefined {
  const [task] = Object.values(template.findResources('AWS::ECS::TaskDefinition') as Record<string, Task>);
  return task?.Properties.ContainerDefinitions.find(({ Name }) => Name === name);
}

/** The environment of a container, as the template has it. */
function environmentOf(template: Template, name: string): Readonly<Record<string, unknown>> {
  const variables = containerOf(template, name)?.Environment ?? [];
  return Object.fromEntries(variables.map(({ Name, Value }) => [Name, Value]));
}

test('python-ecs: the program finds the metadata server by what the stack tells it', async (context) => {
  const python = findPython() ?? 'python3';
  await needTool(context, python, ['-c', 'import google.auth.transport.requests']);
  const vendor = await startExampleVendor('python-ecs');
  const client = createTokenClient(
    { functionName: FUNCTION_NAME, profile: 'reports', region: REGION, credentials: vendor.credential },
    { environment: { AWS_ENDPOINT_URL_LAMBDA: vendor.url } },
  );
  const server = await startMetadataServer({ clients: [client] });
  const told = Object.entries(environmentOf(pythonEcs, 'Program')).map(
    ([name, value]) => [name, String(value).replace('127.0.0.1:8988', server.host)] as const,
  );

  const { stdout, stderr } = await runTool(python, [join(EXAMPLES, 'python-ecs/main.py')], {
    ...Object.fromEntries(told),
    STORAGE_EMULATOR_HOST: vendor.google?.url ?? '',
  });
  await Promise.all([server.close(), vendor.close()]);

  expect(stdout, stderr).toBe('hello.txt  6 bytes\n');
});

test('python-ecs: the health check is passed by a metadata server, and by nothing', async () => {
  const server = await startMetadataServer({ clients: [createTokenClient({ url: 'http://127.0.0.1:9' })] });
  const [, , ...command] = containerOf(pythonEcs, 'MetadataServer')?.HealthCheck?.Command ?? [];
  const check = async () =>
    await runTool(
      process.execPath,
      command.map((part) => part.replace('127.0.0.1:8988', server.host)),
    );

  const whileItRuns = await check();
  await server.close();
  const afterwards = await check();

  expect({ whileItRuns, afterwards }).toMatchObject({
    whileItRuns: { status: 0 },
    afterwards: { status: 1 },
  });
});

test('python-ecs: the metadata server is told which vendor and which profile', () => {
  expect(environmentOf(pythonEcs, 'MetadataServer')).toEqual({
    GCP_TOKEN_FUNCTION: { 'Fn::GetAtt': [expect.stringMatching(/^VendorFunction/), 'Arn'] },
    GCP_TOKEN_PROFILE: 'reports',
  });
});

test('call-task: the state machine may invoke the function that makes the call, and nothing else', () => {
  expect(statementsOf(callTask, 'MachineRole')).toEqual([
    {
      Effect: 'Allow',
      Action: 'lambda:InvokeFunction',
      Resource: { 'Fn::GetAtt': [expect.stringMatching(/^VendorCallhelloFunction/), 'Arn'] },
    },
  ]);
});

test('call-task: the function that makes the call may invoke the alias that is the profile, and write its log', () => {
  callTask.hasResourceProperties('AWS::IAM::Role', {
    Policies: [
      {
        PolicyName: 'Caller',
        PolicyDocument: {
          Statement: [
            { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: aliasOf(callTask, 'hello') },
            {
              Effect: 'Allow',
              Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              Resource: { 'Fn::GetAtt': [Match.stringLikeRegexp('^VendorCallhelloLog'), 'Arn'] },
            },
          ],
        },
      },
    ],
  });
});

test('connection: the state machine may use the one connection for calls of the one host, and no alias', () => {
  const ofConnection = (attribute: string) => ({
    'Fn::GetAtt': [expect.stringMatching(/^Connection/), attribute],
  });

  expect(statementsOf(connection, 'MachineRole')).toEqual([
    {
      Effect: 'Allow',
      Action: 'events:RetrieveConnectionCredentials',
      Resource: ofConnection('Arn'),
    },
    {
      Effect: 'Allow',
      Action: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'],
      Resource: ofConnection('SecretArn'),
    },
    {
      Effect: 'Allow',
      Action: 'states:InvokeHTTPEndpoint',
      Resource: '*',
      Condition: {
        StringLike: { 'states:HTTPEndpoint': 'https://europe-west1-example.cloudfunctions.net*' },
      },
    },
  ]);
});

test('the app of an example synthesizes by the command that the README shows', async () => {
  const readme = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
  const [, args = ''] = /^npx cdk synth --app 'node (.*)'$/m.exec(readme) ?? [];
  const out = join(outdir, 'by-command');

  const { status, stderr } = await runTool(process.execPath, args.split(' '), { CDK_OUTDIR: out });

  expect(status, stderr).toBe(0);
  expect(readdirSync(out)).toContain('LambdaExample.template.json');
});
