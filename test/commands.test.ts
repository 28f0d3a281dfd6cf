import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listen } from '../local/aws/listen.ts';
import { startSecretsManager } from '../local/aws/secrets-manager.ts';
import { type Google, startGoogle } from '../local/google/server.ts';
import { type Running, startScript } from './child-command.ts';
import { needTool, runTool } from './optional-tool.ts';
import { sampleEvents } from './sample-events.ts';

/** The last thing that the greeting says. */
const LAST_LINE = '/dev/stdout\n';

let folder: string;
let plain: Running;
let signed: Running;

/** Most of what a command takes is the loading of its sources, which are the same for all of them. */
function run(name: string, args: readonly string[], more: Readonly<Record<string, string>> = {}): Running {
  return startScript(name, args, { NODE_COMPILE_CACHE: join(folder, 'compiled'), ...more });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vendor-commands-'));
  writeFaultyFiles();
  plain = run('start', ['--port', '0']);
  signed = run('start', ['--port', '0', '--iam']);
  await Promise.all([plain.untilSaid(LAST_LINE), signed.untilSaid(LAST_LINE)]);
});

afterAll(async () => {
  await Promise.all([plain.stop(), signed.stop()]);
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const FEDERATION = {
  type: 'external_account',
  audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/aws',
  subject_token_type: 'urn:ietf:params:aws:token-type:aws4_request',
  token_url: 'https://sts.googleapis.com/v1/token',
  credential_source: {
    environment_id: 'aws1',
    regional_cred_verification_url:
      'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
  },
};

/** Files that are not what they should be; what a secret could be is in none of the messages. */
function writeFaultyFiles(): void {
  file('text.json', 'CANARY');
  file('profiles.txt', 'default: {}');
  file('federation.json', JSON.stringify(FEDERATION));
  file('user.json', '{"type":"gdch_service_account","refresh_token":"CANARY"}');
  const broken = {
    type: 'service_account',
    client_email: 'a@b.iam.gserviceaccount.com',
    private_key_id: '1',
    private_key: '-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n',
  };
  file('broken.json', JSON.stringify(broken));
}

/** Returns the commands that the greeting prints under a title, as they would be pasted. */
async function commandsOf(running: Running, title: string): Promise<string> {
  const greeting = await running.untilSaid(LAST_LINE);
  const block = greeting.split('\n\n').find((part) => part.startsWith(title));
  if (block === undefined) {
    throw new Error(`the greeting has nothing under "${title}": ${greeting}`);
  }
  return block.split('\n').slice(1).join('\n');
}

async function vendorUrl(running: Running): Promise<string> {
  return /vendor +(http:\S+)/.exec(await running.untilSaid(LAST_LINE))?.[1] ?? '';
}

/** Returns what the commands say in a shell. They write to a pipe: what Node gives a child is a socket, which nothing opens. */
async function paste(...commands: readonly string[]): Promise<string> {
  const { stdout } = await runTool('bash', ['-c', `{\n${commands.join('\n')}\n} 2>&1 | cat`]);
  return stdout;
}

const KEYS = 'Requests must be signed.';
const RECIPES = [
  ['Get an access token', /"access_token":"ya29\.[^"]+","token_type":"Bearer"/],
  ['Call a private Cloud Function', /"message":"Hello, vendor@example-project/],
  ['List Compute Engine instances', /"kind":"compute#instanceList"/],
  ['Run any program with its tokens', /"access_token":"ya29\.[^"]+","expires_in":\d+/],
] as const;

test.for(RECIPES)('prints a command that works as it stands: %s', async ([title, expected], context) => {
  await needTool(context, 'curl', ['--version']);

  const said = await paste(await commandsOf(plain, title));

  expect(said).toMatch(expected);
});

test.for(RECIPES)(
  'prints, with --iam, a command that works as it stands: %s',
  async ([title, expected], context) => {
    await needTool(context, 'curl', ['--aws-sigv4', 'x', '--version']);

    const said = await paste(await commandsOf(signed, KEYS), await commandsOf(signed, title));

    expect(said).toMatch(expected);
  },
);

test('prints a command for the AWS CLI that works as it stands, signed or not', async (context) => {
  await needTool(context, 'aws', ['--version']);

  const said = await Promise.all([
    paste(await commandsOf(plain, 'Invoke it by alias')),
    paste(await commandsOf(signed, KEYS), await commandsOf(signed, 'Invoke it by alias')),
  ]);

  expect(said[0]).toMatch(/"access_token": ?"ya29\./);
  expect(said[1]).toMatch(/"access_token": ?"ya29\./);
  expect(said[0]).toContain('"StatusCode": 200');
});

test('demands a signature with --iam, and none without', async () => {
  const [open, closed] = await Promise.all([vendorUrl(plain), vendorUrl(signed)]);

  const answers = await Promise.all([
    fetch(`${open}/token`),
    fetch(`${closed}/token`),
    fetch(`${closed}/2015-03-31/functions/gcp-token-vendor/invocations`, { method: 'POST', body: '{}' }),
  ]);

  expect(answers.map(({ status }) => status)).toEqual([200, 403, 403]);
});

test('says in the terminal who asked for what, and no token', async () => {
  const url = await vendorUrl(plain);

  const { access_token } = (await (await fetch(`${url}/token?scopes=cloud-platform`)).json()) as {
    access_token: string;
  };
  await fetch(`${url}/token?audience=https%3A%2F%2Felsewhere.example`);

  await expect.poll(() => plain.stderr()).toContain('access_denied');
  expect(plain.stderr()).toContain('access token for https://www.googleapis.com/auth/cloud-platform');
  expect(plain.stderr()).not.toContain(access_token.slice(0, 24));
});

const KEY_HELP = 'Usage: npm start -- [options]';

test('explains itself with --help', async () => {
  const [start, invoke] = await Promise.all([
    run('start', ['--help']).ended,
    run('invoke', ['--help']).ended,
  ]);

  expect(start).toMatchObject({ status: 0, stderr: '' });
  expect(start.stdout).toContain(KEY_HELP);
  expect(invoke).toMatchObject({ status: 0, stderr: '' });
  expect(invoke.stdout).toContain('Usage: npm run --silent invoke');
});

/** Each fault with what its one line has to name. */
const FAULTS: [string, string, (folder: string) => readonly string[], RegExp][] = [
  ['an unknown flag', 'start', () => ['--prot', '1'], /--prot.*npm start -- --help/],
  ['a port that is none', 'start', () => ['--port', '80a'], /--port: "80a"/],
  ['a key and a secret', 'start', () => ['--key', 'a', '--secret', 'b'], /--credential, --key or --secret/],
  [
    'a key file that is not there',
    'start',
    () => ['--port', '0', '--key', '/nowhere/sa.json'],
    /\/nowhere\/sa\.json/,
  ],
  [
    'a key file that is no JSON',
    'start',
    (dir) => ['--port', '0', '--key', `${dir}/text.json`],
    /text\.json.*not JSON/,
  ],
  [
    'a key file of another type',
    'start',
    (dir) => ['--port', '0', '--key', `${dir}/user.json`],
    /type is gdch_service_account/,
  ],
  [
    'a key file with a broken key',
    'start',
    (dir) => ['--port', '0', '--key', `${dir}/broken.json`],
    /private_key/,
  ],
  [
    'a profiles file that is not there',
    'start',
    () => ['--profiles', '/nowhere/p.json'],
    /\/nowhere\/p\.json/,
  ],
  [
    'a profiles file that is no JSON',
    'start',
    (dir) => ['--profiles', `${dir}/profiles.txt`],
    /profiles\.txt.*not JSON/,
  ],
  [
    'a secret without region and credentials',
    'start',
    () => ['--secret', 'x'],
    /^--secret needs your AWS login: there is no AWS region.*AWS_REGION.*there are no AWS credentials.*aws sso login/,
  ],
  [
    'a federation without region and credentials',
    'start',
    (dir) => ['--port', '0', '--credential', `${dir}/federation.json`],
    /^The credential document in \S+federation\.json needs your AWS login: there is no AWS region.*no AWS credentials/,
  ],
  ['no event', 'invoke', () => [], /events\/FILE\.json/],
  ['an event that is not there', 'invoke', () => ['events/none.json'], /events\/none\.json/],
  ['an event that is no JSON', 'invoke', (dir) => [`${dir}/text.json`], /text\.json is not JSON/],
  ['an unknown flag', 'invoke', () => ['events/x.json', '--alias', 'x'], /--alias.*npm run invoke -- --help/],
];

test.concurrent.for(FAULTS)(
  'names %s of %s in one line, and fails',
  async ([, script, makeArgs, expected]) => {
    const { status, stdout, stderr } = await run(script, makeArgs(folder)).ended;

    expect(stderr).toMatch(expected);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).not.toContain('CANARY');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  },
);

test('names every fault of a profiles file, one a line, and fails', async () => {
  const profiles = { default: { scope: ['x'], scopes: ['storage-or'] }, Reports: { audiences: ['*'] } };
  const path = file('faulty.json', JSON.stringify(profiles));

  const { status, stderr } = await run('start', ['--profiles', path]).ended;

  expect(status).toBe(1);
  expect(stderr).toContain(path);
  expect(stderr.match(/^ {2}- /gm)).toHaveLength(4);
  expect(stderr).not.toMatch(/^ {4}at /m);
});

test('names a port that is in use, and fails', async () => {
  const taken = await listen(createServer(), 0);

  const { status, stderr, stdout } = await run('start', ['--port', String(taken.port)]).ended;
  await taken.close();

  expect(stderr).toMatch(new RegExp(`^Port ${taken.port} is in use.*\n$`));
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
});

test('ends with status 0 when it is asked to', async () => {
  const running = run('start', ['--port', '0']);
  await running.untilSaid(LAST_LINE);

  const { status } = await running.stop();

  expect(status).toBe(0);
});

const invocable = sampleEvents().filter(({ file }) => /^(?:direct|refused-both|http-api-get-id)/.test(file));

test.concurrent.for(invocable)(
  'invokes events/$file with nothing else running',
  async ({ file, refusal }) => {
    const { status, stdout } = await run('invoke', [`events/${file}`, '--port', '0']).ended;
    const answer = JSON.parse(stdout);

    expect(status).toBe(refusal === undefined ? 0 : 1);
    expect(answer.errorType).toBe(refusal);
  },
);

test('invokes the vendor that runs, by the alias that is asked for', async () => {
  const { port } = new URL(await vendorUrl(plain));

  const reports = await run('invoke', [
    'events/direct-all-scopes.json',
    '--port',
    port,
    '--profile',
    'reports',
  ]).ended;
  const unknown = await run('invoke', ['events/direct-all-scopes.json', '--port', port, '--profile', 'x'])
    .ended;

  expect(JSON.parse(reports.stdout).scope).toBe('https://www.googleapis.com/auth/devstorage.read_only');
  expect(reports.stderr).toContain('the vendor that runs');
  expect(unknown.status).toBe(1);
});

test('says that the vendor that runs has its own profiles', async () => {
  const { port } = new URL(await vendorUrl(plain));
  const args = ['events/direct-all-scopes.json', '--port', port];

  const [without, withProfiles] = await Promise.all([
    run('invoke', args).ended,
    run('invoke', [...args, '--profiles', '/nowhere/p.json']).ended,
  ]);

  expect(without.stderr).not.toContain('--profiles');
  expect(withProfiles.stderr).toMatch(/--profiles \/nowhere\/p\.json is not used/);
  expect(withProfiles.status).toBe(0);
});

test('starts a vendor with the profiles that are given where none runs', async () => {
  const path = file('own.json', JSON.stringify({ own: { scopes: ['storage-ro'] } }));

  const { status, stdout, stderr } = await run('invoke', [
    ...['events/direct-all-scopes.json', '--port', '0'],
    ...['--profiles', path, '--profile', 'own'],
  ]).ended;

  expect(JSON.parse(stdout).scope).toBe('https://www.googleapis.com/auth/devstorage.read_only');
  expect(stderr).not.toContain('is not used');
  expect(status).toBe(0);
});

test('invokes a vendor that demands signatures with the keys in the environment, and not without', async () => {
  const { port } = new URL(await vendorUrl(signed));
  const keys = { AWS_ACCESS_KEY_ID: 'AKIALOCALLOCALLOCAL1', AWS_SECRET_ACCESS_KEY: 'local' };
  const args = ['events/direct-all-scopes.json', '--port', port];

  const [without, withKeys] = await Promise.all([run('invoke', args).ended, run('invoke', args, keys).ended]);

  expect(without.status).toBe(1);
  expect(without.stdout).toContain('Missing Authentication Token');
  expect(without.stderr).toMatch(/AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.*npm start/);
  expect(withKeys.stderr).not.toContain('AWS_ACCESS_KEY_ID');
  expect(withKeys.status).toBe(0);
  expect(JSON.parse(withKeys.stdout).token_type).toBe('Bearer');
});

test('with --secret reads the secret that the AWS configuration leads to', async (context) => {
  await needTool(context, 'curl', ['--aws-sigv4', 'x', '--version']);
  const [google, secretsManager] = await Promise.all([startGoogle(), startSecretsManager()]);
  const key = await google.createServiceAccount().createKey();
  secretsManager.createSecret('team/google', { string: JSON.stringify(key) });
  const running = run('start', ['--port', '0', '--secret', 'team/google'], {
    AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'example',
    AWS_REGION: 'eu-central-1',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
  });
  context.onTestFinished(async () => {
    await running.stop();
    await Promise.all([google.close(), secretsManager.close()]);
  });

  const unsigned = await fetch(`${await vendorUrl(running)}/token`);
  const said = await paste(await commandsOf(running, KEYS), await commandsOf(running, 'Get an access token'));

  expect(unsigned.status).toBe(403);
  expect(said).toContain('"access_token":"ya29.');
  expect(google.exchanges).toHaveLength(1);
});

/** A second stand-in in the place of the real Google: a key file says by itself where its tokens come from. */
async function startWithKey(): Promise<{ running: Running; google: Google }> {
  const google = await startGoogle();
  const key = await google.createServiceAccount().createKey();
  const path = file('sa.json', JSON.stringify(key));
  const running = run('start', ['--port', '0', '--key', path]);
  await running.untilSaid(LAST_LINE);
  return { running, google };
}

test('with --key serves nothing but signed requests of programs, from the Google of that key', async (context) => {
  await needTool(context, 'curl', ['--aws-sigv4', 'x', '--version']);
  const { running, google } = await startWithKey();
  context.onTestFinished(async () => {
    await running.stop();
    await google.close();
  });
  const url = await vendorUrl(running);
  const keys = await commandsOf(running, KEYS);
  const get = await commandsOf(running, 'Get an access token');
  const withHeader = (header: string) =>
    get.replace('curl -s', `curl -s -o /dev/null -w '%{http_code} ' -H '${header}'`);

  const unsigned = await fetch(`${url}/token`);
  const said = await paste(keys, get);
  const refused = await paste(
    keys,
    withHeader('Host: evil.example'),
    withHeader('Origin: http://127.0.0.1'),
    withHeader('Sec-Fetch-Site: none'),
    withHeader('Sec-Fetch-Site: cross-site'),
  );
  const forged = await paste(keys.replace(/SECRET_ACCESS_KEY=\S+/, 'SECRET_ACCESS_KEY=local'), get);

  expect(unsigned.status).toBe(403);
  expect(said).toContain('"access_token":"ya29.');
  expect(google.exchanges.map(({ status }) => status)).toEqual([200]);
  expect(refused.trim()).toBe('403 403 403 403');
  expect(forged).toContain('Forbidden');
  expect(keys).toMatch(/SECRET_ACCESS_KEY=[0-9a-f]{60}\n/);
});
