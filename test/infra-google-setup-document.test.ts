import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { openDocument } from '../infra/credential-documents.ts';
import { googleSetup } from '../infra/google-setup.ts';
import { TokenVendorStack } from '../infra/token-vendor-stack.ts';
import { createApp, PROFILES } from './infra-rig.ts';
import { itself, KMS, KMS_KEY_ARN, SIGNED_REQUEST, WEB_IDENTITY } from './make-keyless.ts';
import { needTool } from './optional-tool.ts';
import { flagOf } from './setup-commands.ts';

const TEXT = readFileSync(join(import.meta.dirname, '../docs/google-setup.md'), 'utf8');
/** The values that the document has in the place of yours. */
const ROLE = {
  partition: 'aws',
  accountId: '111122223333',
  name: 'ROLE',
  arn: 'arn:aws:iam::111122223333:role/ROLE',
};

/** The blocks of code in a language. */
function blocks(language: string): readonly string[] {
  return [...TEXT.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, code = '']) => code,
  );
}

/** The blocks of commands, each command in one line, as a shell reads them. */
function commands(): readonly string[] {
  return blocks('sh').map((block) => block.replaceAll(/ *\\\n */g, ' '));
}

function opened(document: object) {
  return openDocument(new Stack(createApp(), 'Test'), 'default', { document: { ...document } });
}

function setupOf(document: object): readonly string[] {
  return googleSetup({ document: opened(document), role: ROLE, uses: itself() }).map(
    ({ command }) => command,
  );
}

test.each([
  ['federation by signed requests', SIGNED_REQUEST],
  ["federation by AWS's tokens", WEB_IDENTITY],
  ['a key in KMS', { ...KMS, key_id: KMS_KEY_ARN }],
])('the document has the commands that the stack prints for %s, in their order', (_, document) => {
  const printed = setupOf(document).map((command) => `${command}\n`);

  const together = commands().filter((block) => block.includes(printed.join('')));

  expect(printed.filter((command) => !commands().join('').includes(command))).toEqual([]);
  expect(together).toHaveLength(1);
});

test('the documents in the document are ones that the stack takes', () => {
  const documents = blocks('json').map((block): object => JSON.parse(block));

  const kinds = documents.map((document) => opened(document).source.kind);

  expect(kinds).toEqual(['external_account', 'aws_kms', 'aws_kms']);
  expect(documents[0]).toEqual(WEB_IDENTITY);
});

test('the Terraform in the document maps and admits what the commands do', () => {
  const terraform = blocks('hcl').join('\n').replaceAll('\\"', '"');

  for (const document of [SIGNED_REQUEST, WEB_IDENTITY]) {
    const provider =
      setupOf(document)
        .find((command) => command.includes(' providers '))
        ?.split(' --') ?? [];
    const mapping = flagOf(['gcloud', ...provider.map((flag) => `--${flag}`)], 'attribute-mapping');
    const expressions = mapping
      .slice(1, -1)
      .split(/,?(?:google\.subject|attribute\.aws_role)=/)
      .slice(1);
    expect(expressions).toHaveLength(2);
    for (const expression of expressions) {
      expect(terraform).toContain(`= "${expression}"`);
    }
  }
});

test("the outputs that the document speaks of are the stack's", () => {
  const outputs = [SIGNED_REQUEST, undefined].flatMap((document) => {
    const credentials = document === undefined ? {} : { credentials: { default: { document } } };
    const stack = new TokenVendorStack(createApp(), 'GcpTokenVendor', { profiles: PROFILES, ...credentials });
    return Object.keys(Template.fromStack(stack).findOutputs('*'));
  });

  const spoken = [
    'GoogleSetup1',
    'GoogleSetup2',
    'FunctionRoleArn',
    'TokenFunctionName',
    'CredentialSecretName',
  ];

  expect(spoken.filter((name) => !TEXT.includes(name))).toEqual([]);
  expect(spoken.filter((name) => !outputs.includes(name))).toEqual([]);
});

test('every link within the document leads to a heading', () => {
  const headings = [...TEXT.matchAll(/^## (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );

  const links = [...TEXT.matchAll(/\]\(#([^)]+)\)/g)].map(([, link]) => link);

  expect(links).toHaveLength(8);
  expect(links.filter((link) => !headings.includes(link ?? ''))).toEqual([]);
});

test('the Terraform in the document is Terraform, in its own format', async (context) => {
  await needTool(context, 'terraform', ['version']);

  const { status, stdout, stderr } = spawnSync('terraform', ['fmt', '-check', '-diff', '-no-color', '-'], {
    input: blocks('hcl').join('\n'),
    encoding: 'utf8',
  });

  expect(status, stdout + stderr).toBe(0);
});
