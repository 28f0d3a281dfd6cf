import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { afterAll, expect, test } from 'vitest';
import { ComputeStack } from '../examples/compute/stack.ts';
import { LambdaStack } from '../examples/lambda/stack.ts';
import { startLocalVendor } from '../local/local-vendor.ts';
import { FUNCTION_NAME, REGION } from '../local/place.ts';
import { runTool } from './optional-tool.ts';

type Statement = { readonly Action: unknown; readonly Resource: unknown };
type Policy = {
  readonly Properties: { readonly PolicyDocument: { readonly Statement: readonly Statement[] } };
};

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

test('the app of an example synthesizes by the command that the README shows', async () => {
  const readme = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
  const [, args = ''] = /^npx cdk synth --app 'node (.*)'$/m.exec(readme) ?? [];
  const out = join(outdir, 'by-command');

  const { status, stderr } = await runTool(process.execPath, args.split(' '), { CDK_OUTDIR: out });

  expect(status, stderr).toBe(0);
  expect(readdirSync(out)).toContain('LambdaExample.template.json');
});
