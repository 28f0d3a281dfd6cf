import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nodeVersionFault } from '../client/cli/node-version.ts';

test.for(['20.20.2', '18.0.0', '22.11.9', '21.99.0'])(
  'says in one line that Node.js %s is too old',
  (version) => {
    const fault = nodeVersionFault(version);

    expect(fault).toMatch(
      new RegExp(`^gcp-token: Node\\.js 22\\.12 or newer is needed, and this is ${version}: .+\\.$`),
    );
  },
);

test.for(['22.12.0', '22.21.1', '23.0.0', '24.1.0', '100.0.0'])(
  'has nothing against Node.js %s',
  (version) => {
    expect(nodeVersionFault(version)).toBeUndefined();
  },
);

test('demands what the package says that it needs', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
  const oldest = engines.node.replace('>=', '');

  expect(nodeVersionFault(`${oldest}.0`)).toBeUndefined();
  expect(nodeVersionFault('22.11.0')).toContain(oldest);
});
