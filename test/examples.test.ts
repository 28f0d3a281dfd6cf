import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EXAMPLES } from '../examples/examples.ts';
import { findPython } from '../examples/find-python.ts';
import { startScript } from './child-command.ts';
import { needTool } from './optional-tool.ts';

const FOLDER = join(import.meta.dirname, '../examples');
const RUN = 'npm run --silent example -- ';
/** A command to paste, and right below it what it says. */
const PROMISE = new RegExp(`\`\`\`sh\n${RUN}(\\S+)\n\`\`\`\n\n\`\`\`text\n([\\s\\S]*?)\`\`\``, 'g');
const NO_PYTHON =
  'This example needs Python 3 with Google’s library: python3 -m pip install google-auth requests.';

const folders = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

function readmeOf(folder: string): string {
  return readFileSync(join(FOLDER, folder, 'README.md'), 'utf8');
}

const promises = folders.flatMap((folder) =>
  [...readmeOf(folder).matchAll(PROMISE)].map(([, name = '', output = '']) => ({ folder, name, output })),
);

test('every example has a README that says how it is run and what it prints, and is in the table', () => {
  const names = Object.keys(EXAMPLES).sort();
  const table = [...readmeOf('.').matchAll(new RegExp(`\`${RUN}(\\S+)\``, 'g'))].map(([, name]) => name);

  expect(promises.map(({ name }) => name).sort()).toEqual(names);
  expect(table.sort()).toEqual(names);
  expect(promises.map(({ name, folder }) => EXAMPLES[name]?.folder === folder)).not.toContain(false);
  expect(folders.filter((folder) => !readmeOf('.').includes(`(${folder}/README.md)`))).toEqual([]);
});

test('every file that a README of an example points to is there', () => {
  const links = ['.', ...folders].flatMap((folder) =>
    [...readmeOf(folder).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, path = '']) =>
      join(FOLDER, folder, path),
    ),
  );

  expect(links.length).toBeGreaterThan(folders.length);
  expect(links.filter((path) => !existsSync(path))).toEqual([]);
});

test.for(promises)('the example $name prints what its README says', async ({ name, output }, context) => {
  if (EXAMPLES[name]?.needsPython) {
    await needTool(context, findPython() ?? 'python3', ['-c', 'import google.auth.transport.requests']);
  }

  const { status, stdout, stderr } = await startScript('example', [name]).ended;

  expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: output });
  expect(stderr).toMatch(/^vendor: .* token for /m);
});

/** A port that nobody listens at. */
const NOWHERE = 'http://127.0.0.1:9';

test.each(['compute', 'lambda'])(
  'the example %s runs whatever the environment says of proxies, of AWS and of vendors',
  async (name) => {
    const { status, stdout, stderr } = await startScript('example', [name], {
      ...{ HTTP_PROXY: NOWHERE, http_proxy: NOWHERE, HTTPS_PROXY: NOWHERE, https_proxy: NOWHERE },
      ...{ AWS_PROFILE: 'elsewhere', AWS_ENDPOINT_URL: NOWHERE, AWS_SESSION_TOKEN: 'elsewhere' },
      ...{ GCP_TOKEN_URL: NOWHERE, GCP_TOKEN_FUNCTION: 'elsewhere' },
    }).ended;

    const promised = promises.find((promise) => promise.name === name);
    expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: promised?.output });
  },
);

test('the runner asks which example, and names them', async () => {
  const [none, unknown, two] = await Promise.all(
    [[], ['comput'], ['compute', 'lambda']].map((args) => startScript('example', args).ended),
  );

  expect(none).toEqual(unknown);
  expect(none).toEqual(two);
  expect(none).toMatchObject({ status: 1, stdout: '' });
  expect(none?.stderr).toBe(
    `Which example? npm run --silent example -- NAME, with one of ${Object.keys(EXAMPLES).join(', ')}.\n`,
  );
});

test('the runner explains itself with --help', async () => {
  const { status, stdout, stderr } = await startScript('example', ['--help']).ended;

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(Object.keys(EXAMPLES).filter((name) => !stdout.includes(`  ${name} `))).toEqual([]);
});

test('an example in Python says in one line what a machine without Google’s library lacks', async () => {
  const { status, stdout, stderr } = await startScript('example', ['python-ecs'], {
    PYTHON: '/nowhere/python3',
  }).ended;

  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr.split('\n').at(-2)).toBe(NO_PYTHON);
});
