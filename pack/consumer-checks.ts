import { execFile } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const CONSUMER = join(import.meta.dirname, 'consumer');
const TIMEOUT_MS = 60_000;

/** A project that has the package installed, with the Node.js that it is to run on. */
export type Consumer = { readonly folder: string; readonly node: string; readonly vendorUrl: string };

/** What has to hold in a project, and a word on what was seen; it throws if it does not hold. */
export type Check = { readonly claim: string; readonly see: () => Promise<string> };

type Run = (...args: readonly string[]) => Promise<string>;

/** With nothing of the user's own configuration: the stand-in takes requests without a signature. */
function runner({ folder, node }: Consumer): Run {
  const env = {
    PATH: '',
    HOME: folder,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
  return async (...args) => {
    const { stdout } = await promisify(execFile)(node, [...args], {
      cwd: folder,
      env,
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    return stdout.trim();
  };
}

function requireTokens(text: string): string {
  const tokens: readonly unknown[] = text.startsWith('{') ? Object.values(JSON.parse(text)) : [text];
  if (tokens.length === 0 || !tokens.every((token) => /^ya29\.\S+$/.test(String(token)))) {
    throw new Error(`no access token, but: ${text.slice(0, 200)}`);
  }
  return `${tokens.length === 1 ? 'a token' : `${tokens.length} tokens`}`;
}

/** Puts the programs of `pack/consumer/` into a project. */
export function addPrograms(folder: string): void {
  cpSync(CONSUMER, folder, { recursive: true });
}

/** Returns what has to hold where the package alone is installed, as for a function that is a caller. */
export function callerChecks(consumer: Consumer): readonly Check[] {
  const run = runner(consumer);
  const cli = join('node_modules', '.bin', 'gcp-token');
  return [
    { claim: 'the command says its version', see: () => run(cli, '--version') },
    {
      claim: 'the command helps',
      see: async () => `${(await run(cli, '--help')).split('\n').length} lines`,
    },
    {
      claim: 'the command prints a token',
      see: async () => requireTokens(await run(cli, 'print-access-token', '--url', consumer.vendorUrl)),
    },
    {
      claim: 'the client and the metadata server give tokens',
      see: async () => requireTokens(await run('client.mjs', consumer.vendorUrl)),
    },
    {
      claim: 'the client is there for require()',
      see: async () => requireTokens(await run('client.cjs', consumer.vendorUrl)),
    },
  ];
}

function templateOf({ folder }: Consumer, out: string): string {
  return readFileSync(join(folder, out, 'Consumer.template.json'), 'utf8');
}

/** Returns what has to hold where the optional peers are installed as well, TypeScript included. */
export function peerChecks(consumer: Consumer): readonly Check[] {
  const run = runner(consumer);
  return [
    {
      claim: "google-auth-library's client has a token",
      see: async () => requireTokens(await run('google-auth.mjs', consumer.vendorUrl)),
    },
    { claim: 'all that it exports is there for require()', see: () => run('exports.cjs') },
    {
      claim: 'the construct synthesizes, by import and by require() the same',
      see: async () => {
        await Promise.all([run('synth.mjs', 'out-esm'), run('synth.cjs', 'out-cjs')]);
        if (templateOf(consumer, 'out-cjs') !== templateOf(consumer, 'out-esm')) {
          throw new Error('the templates differ');
        }
        const assets = readdirSync(join(consumer.folder, 'out-esm')).filter((name) => /^asset\./.test(name));
        return `${assets.length} functions`;
      },
    },
    {
      claim: 'the types hold, those of the package checked as well',
      see: async () => (await run(join('node_modules', 'typescript', 'bin', 'tsc'), '-p', '.')) || 'no error',
    },
  ];
}
