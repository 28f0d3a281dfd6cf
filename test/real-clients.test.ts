import { once } from 'node:events';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTokenClient, type TokenClient } from '../client/token-client.ts';
import { startScript } from './child-command.ts';
import type { Check, Client } from './clients/client.ts';
import { CLIENTS } from './clients/clients.ts';
import { clientsHelp, parseOptions } from './clients/options.ts';
import { provePrintedAccessToken, provePrintedIdToken, proveUse } from './clients/proof.ts';
import { runCommand } from './clients/run-command.ts';
import { openStage, type Stage } from './clients/stage.ts';
import { renderTable } from './clients/table.ts';
import { isPassed, tryClient } from './clients/try-clients.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => await stage.close());

const SHELL = { environment: { PATH: process.env.PATH ?? '' }, folder: tmpdir() };

function clientWith(accessToken: Check, more: Partial<Client> = {}): Client {
  return {
    name: 'some',
    title: 'Some client',
    door: 'gcp-token exec',
    install: 'apt-get install some',
    version: async () => '1.0',
    accessToken,
    idToken: async () => ({ kind: 'unsupported', why: 'it knows none' }),
    ...more,
  };
}

/** A client of the vendor's own, which stands in for one of others. */
function tokenClient(): TokenClient {
  const { url, region, credential } = stage.vendor;
  const { accessKeyId, secretAccessKey } = credential;
  return createTokenClient(
    { url, region, credentials: { accessKeyId, secretAccessKey } },
    { environment: {} },
  );
}

async function listBuckets(): Promise<void> {
  await fetch(`${stage.google.url}/storage/v1/b?project=p`, { headers: await tokenClient().headers() });
}

test('gcp-metadata is green for both kinds of token', { timeout: 60_000 }, async () => {
  const { status, stdout, stderr } = await startScript('test:clients', ['--only', 'gcp-metadata', '--json'])
    .ended;

  expect(stderr).toBe('trying Node: gcp-metadata …\n');
  expect(JSON.parse(stdout)).toMatchObject([
    {
      name: 'gcp-metadata',
      accessToken: { kind: 'green', proof: 'lists instances, reads an object' },
      idToken: { kind: 'green', proof: 'calls the function' },
    },
  ]);
  expect(status).toBe(0);
});

test.each<[what: string, check: Check, why: RegExp]>([
  [
    'fails, with the end of what it said',
    async ({ exec }) => await proveUse(stage, [], await exec(['sh', '-c', 'echo no luck >&2; exit 3'])),
    /ended with 3: no luck$/,
  ],
  [
    'uses no token',
    async ({ exec }) => await proveUse(stage, ['lists instances'], await exec(['echo', 'web-1'])),
    /^no token was seen with which it lists instances; Google saw nothing$/,
  ],
  [
    'has a token of another’s',
    async () => await provePrintedAccessToken(stage, 'ya29.c.of-another'),
    /Google saw GET \/compute\/v1\/\S+ 401$/,
  ],
  [
    'has a good token, and does not say what it got for it',
    async () => {
      await listBuckets();
      return await proveUse(stage, ['lists buckets'], '');
    },
    /^it lists buckets, but does not say "example-project-data"/,
  ],
  [
    'has an ID token for another audience',
    async () => {
      const { token } = await tokenClient().idToken({
        audience: 'https://europe-west1-example.cloudfunctions.net/other',
      });
      return await provePrintedIdToken(stage, token);
    },
    /Google saw GET \/functions\/hello 401$/,
  ],
])('a client fails that %s', async (_, check, why) => {
  const report = await tryClient(clientWith(check), stage);

  expect(report).toMatchObject({ accessToken: { kind: 'red', why: expect.stringMatching(why) } });
  expect(isPassed(report, { demandsAll: false })).toBe(false);
});

test('a client that is not installed is passed over, but not where all are demanded', async () => {
  const version = () => Promise.reject(new Error('not found'));

  const report = await tryClient(
    clientWith(() => Promise.reject(new Error('tried')), { version }),
    stage,
  );

  expect([true, false].map((demandsAll) => isPassed(report, { demandsAll }))).toEqual([false, true]);
  expect(renderTable([report])).toMatch(
    /^Some client +not installed +gcp-token exec\n\nSome client: not installed; apt-get install some\n$/m,
  );
});

test('the table says why a kind of token is missing', async () => {
  const report = await tryClient(
    clientWith(async () => ({ kind: 'green', proof: 'lists buckets' })),
    stage,
  );

  expect(renderTable([report])).toBe(
    [
      'client        version   tokens by        access token      ID token',
      'Some client   1.0       gcp-token exec   ✓ lists buckets   – none',
      '',
      'Some client, ID token: it knows none',
      '',
    ].join('\n'),
  );
});

test('what a client does is not taken for what the next one does', async () => {
  await listBuckets();

  const report = await tryClient(
    clientWith(async () => await proveUse(stage, ['lists buckets'], 'example-project-data')),
    stage,
  );

  expect(report).toMatchObject({ accessToken: { kind: 'red' } });
});

test('a command that takes too long is ended, and what it started too', { timeout: 20_000 }, async () => {
  const server = createServer((_, response) => response.write('still there')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const fetching = `fetch('http://127.0.0.1:${port}').then((response) => response.text())`;
  const ended = once(server, 'connection').then(async ([socket]) => await once(socket, 'close'));

  const running = runCommand(['sh', '-c', '"$@"; true', 'sh', process.execPath, '-e', fetching], {
    ...SHELL,
    timeoutMs: 2_000,
  });

  await expect(running).rejects.toThrow('`sh` took more than 2 s');
  await ended;
  server.close();
});

test('every client has a name of its own, which the help tells, and others are refused', () => {
  const names = CLIENTS.map(({ name }) => name);

  expect(new Set(names).size).toBe(names.length);
  expect(clientsHelp(CLIENTS)).toContain(names.join(', '));
  expect(() => parseOptions(['--only', 'perl'], CLIENTS)).toThrow(
    `--only perl: must be one of ${names.join(', ')}`,
  );
});
