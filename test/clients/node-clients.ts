import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, noWay } from './client.ts';
import { createProgramClient, programFile } from './program-client.ts';
import { BUCKET, OBJECT, proveUse } from './proof.ts';

const MODULES = join(import.meta.dirname, '../../node_modules');
const INSTALL = 'npm ci';

async function versionOf(name: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(MODULES, name, 'package.json'), 'utf8'));
  return `${version}, Node ${process.versions.node}`;
}

function nodeProgram(name: string, program: string): Client {
  return createProgramClient({
    name,
    title: `Node: ${name}`,
    install: INSTALL,
    version: () => versionOf(name),
    command: async () => [process.execPath, programFile(program)],
  });
}

const storage: Client = {
  name: '@google-cloud/storage',
  title: 'Node: @google-cloud/storage',
  door: 'gcp-token exec',
  install: INSTALL,
  version: () => versionOf('@google-cloud/storage'),
  accessToken: async (stage) => {
    const args = [stage.google.url, BUCKET, OBJECT];
    const output = await stage.exec([process.execPath, programFile('node-storage.ts'), ...args]);
    return await proveUse(stage, ['lists buckets', 'lists objects', 'reads an object'], output);
  },
  idToken: noWay('Cloud Storage takes access tokens only'),
};

/** The libraries for Node.js that this repository's own tests know. */
export const NODE_CLIENTS: readonly Client[] = [
  nodeProgram('google-auth-library', 'node-auth.ts'),
  nodeProgram('gcp-metadata', 'node-metadata.ts'),
  storage,
];
