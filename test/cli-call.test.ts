import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callFailure } from '../client/cli/call-failure.ts';
import { AUDIENCE, type CliRig, openCli, PRINCIPAL } from './cli-rig.ts';
import { runTool } from './optional-tool.ts';

let cli: CliRig;
let service: Server;
let origin: string;
/** The requests with `authorization`, by path, that the redirect's goal has seen. */
const strangers: IncomingMessage[] = [];

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** A service that answers with what it was asked, or as the path says. */
async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = '', headers } = request;
  switch (url.split('?')[0]) {
    case '/redirect':
      response.writeHead(302, { location: '/stranger' }).end('moved');
      break;
    case '/stranger':
      strangers.push(request);
      response.end();
      break;
    case '/forbidden':
      response.writeHead(403).end('no');
      break;
    case '/unauthorized':
      response.writeHead(401).end('who?');
      break;
    case '/silent':
      break;
    case '/hang-up':
      request.socket.destroy();
      break;
    case '/half':
      response.writeHead(200, { 'content-length': '10' });
      response.write('half');
      setTimeout(() => request.socket.destroy(), 50);
      break;
    case '/large':
      response.end('x'.repeat(1_000_000));
      break;
    default:
      response.setHeader('x-answer', 'yes');
      response.end(JSON.stringify({ method, url, headers, body: await textOf(request) }));
  }
}

beforeAll(async () => {
  cli = await openCli();
  service = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
});

afterAll(async () => {
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
  await cli.close();
});

async function call(...args: readonly string[]) {
  return await cli.run(['call', '--audience', AUDIENCE, ...args]);
}

async function echo(...args: readonly string[]) {
  const ended = await call(...args);
  return { ...ended, asked: JSON.parse(ended.stdout) };
}

test.concurrent('calls the private function of the stand-in for Google, with the token that it wants', async ({
  expect,
}) => {
  const { google } = cli.vendor;

  const { status, stdout, stderr } = await call(String(google?.functionUrl));

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).not.toBe('');
});

test.concurrent('calls one of Google’s APIs with an access token for the scopes', async ({ expect }) => {
  const url = `${cli.vendor.google?.url}/compute/v1/projects/example-project/zones/europe-west1-b/instances`;

  const { status, stdout } = await cli.run(['call', '--scopes', 'cloud-platform', url]);

  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ kind: 'compute#instanceList' });
});

test.concurrent('sends GET without a body, and says who it is', async ({ expect }) => {
  const { asked, stderr } = await echo(`${origin}/a/b?c=d%20e`);

  expect(stderr).toBe('');
  expect(asked).toMatchObject({ method: 'GET', url: '/a/b?c=d%20e', body: '' });
  expect(asked.headers).toMatchObject({
    authorization: expect.stringMatching(/^Bearer eyJ/),
    accept: '*/*',
    'user-agent': expect.stringMatching(/^gcp-token\/\d/),
    host: origin.slice('http://'.length),
  });
});

test.concurrent.for([
  [
    '-d, which makes it a POST of a form',
    ['-d', 'a=b'],
    { method: 'POST', body: 'a=b' },
    'application/x-www-form-urlencoded',
  ],
  [
    'several -d, joined',
    ['-d', 'a=b', '-d', 'c=d'],
    { method: 'POST', body: 'a=b&c=d' },
    'application/x-www-form-urlencoded',
  ],
  [
    '-X and -H, which come before the defaults',
    ['-X', 'PUT', '-H', 'Content-Type: application/json', '-d', '{}'],
    { method: 'PUT', body: '{}' },
    'application/json',
  ],
  ['-X alone', ['-X', 'DELETE'], { method: 'DELETE', body: '' }, undefined],
] as const)('sends %s', async ([, args, asked, type], { expect }) => {
  const sent = await echo(...args, origin);

  expect(sent.asked).toMatchObject(asked);
  expect(sent.asked.headers['content-type']).toBe(type);
});

test.concurrent('takes a default header away, and sends an empty one, as curl does', async ({ expect }) => {
  const { asked } = await echo('-H', 'Accept:', '-H', 'X-Empty;', '-H', 'X-Two: 2', origin);

  expect(asked.headers).not.toHaveProperty('accept');
  expect(asked.headers).toMatchObject({ 'x-empty': '', 'x-two': '2' });
});

test.concurrent('sends a file as it is, with its length', async ({ expect }) => {
  const file = join(cli.folder(), 'body.txt');
  writeFileSync(file, 'one\ntwo\n');

  const { asked } = await echo('-d', `@${file}`, origin);

  expect(asked).toMatchObject({ body: 'one\ntwo\n', headers: { 'content-length': '8' } });
});

test.concurrent.for(['-', '@-'])(
  'sends what it reads from standard input for -d %s',
  async (data, { expect }) => {
    const main = join(import.meta.dirname, '..', 'client', 'cli', 'main.ts');
    const script = `printf 'a\\nb' | ${process.execPath} ${main} call --audience ${AUDIENCE} -d ${data} ${origin}`;

    const { stdout } = await runTool('sh', ['-c', script], { GCP_TOKEN_URL: cli.vendor.url });

    expect(JSON.parse(stdout)).toMatchObject({ method: 'POST', body: 'a\nb' });
  },
);

test.concurrent('writes the body to a file with -o, and the head with it with -i', async ({ expect }) => {
  const file = join(cli.folder(), 'answer');

  const { status, stdout } = await call('-i', '-o', file, origin);

  const text = readFileSync(file, 'utf8');
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\nx-answer: yes\r\n/);
  expect(text).toMatch(/\r\n\r\n\{"method":"GET"/);
});

test.concurrent('prints the body of an error and ends with 0, as curl does', async ({ expect }) => {
  expect(await call(`${origin}/forbidden`)).toEqual({ status: 0, stdout: 'no', stderr: '' });
});

test.concurrent('ends with 22 for an error with --fail, says what to mend, and prints no body', async ({
  expect,
}) => {
  const [forbidden, unauthorized, withBody, good] = await Promise.all([
    call('--fail', `${origin}/forbidden`),
    call('-f', `${origin}/unauthorized`),
    call('--fail-with-body', `${origin}/forbidden`),
    call('--fail', origin),
  ]);

  expect(forbidden).toMatchObject({ status: 22, stdout: '' });
  expect(forbidden.stderr).toMatch(
    new RegExp(`^gcp-token: .* 403: may ${PRINCIPAL} call it\\?.*roles/run\\.invoker`),
  );
  expect(unauthorized).toMatchObject({ status: 22, stdout: '' });
  expect(unauthorized.stderr).toMatch(/401: .*audience/);
  expect(withBody).toMatchObject({ status: 22, stdout: 'no' });
  expect(good.status).toBe(0);
});

test.concurrent('follows no redirect: the token stays with the host that it was for', async ({ expect }) => {
  expect(await call(`${origin}/redirect`)).toEqual({ status: 0, stdout: 'moved', stderr: '' });
  expect(strangers).toEqual([]);
});

test.concurrent('shows request and answer with -v, and the token in neither', async ({ expect }) => {
  const { stderr } = await call('-v', '-d', 'a=b', `${origin}/x`);

  expect(stderr).toContain('> POST /x HTTP/1.1\n');
  expect(stderr).toContain(`> Authorization: Bearer [ID token of ${PRINCIPAL} for ${AUDIENCE}]\n`);
  expect(stderr).toContain('< HTTP/1.1 200 OK\n< x-answer: yes\n');
  expect(stderr).not.toContain('eyJ');
});

/** How a call ends that has no whole answer: as curl does. */
const FAILURES: readonly (readonly [what: string, args: readonly string[], status: number, says: RegExp])[] =
  [
    [
      'a port that nobody listens at',
      ['http://127.0.0.1:1/'],
      7,
      /no connection to 127\.0\.0\.1:1 \(ECONNREFUSED\)/,
    ],
    ['no answer in time', ['--max-time', '0.5', '/silent'], 28, /took too long.*--max-time/],
    ['a connection that closes', ['/hang-up'], 52, /without an answer/],
    ['half an answer', ['/half'], 18, /broke off/],
    [
      'a file that is not there',
      ['-d', '@/nowhere/body', '/'],
      26,
      /-d: the file \/nowhere\/body cannot be read/,
    ],
    ['an answer that cannot be written', ['-o', '/nowhere/answer', '/'], 23, /cannot be written/],
  ];

test.concurrent.for(FAILURES)('ends as curl does for %s', async ([, args, status, says], { expect }) => {
  const last = args.at(-1) ?? '';
  const url = last.startsWith('/') ? origin + last : last;

  const ended = await call(...args.slice(0, -1), url);
  const silent = await call('-s', ...args.slice(0, -1), url);

  expect(ended.status).toBe(status);
  expect(ended.stderr).toMatch(says);
  expect(ended.stderr).toMatch(/^gcp-token: [^\n]+\n$/);
  expect(silent).toMatchObject({ status, stderr: '' });
});

test.each([
  ['ENOTFOUND', 6, /a\.run\.app is not known \(ENOTFOUND\)/],
  ['EAI_AGAIN', 6, /is not known/],
  ['EHOSTUNREACH', 7, /no connection/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 60, /certificate of a\.run\.app.*NODE_EXTRA_CA_CERTS/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 60, /certificate/],
  ['EPROTO', 56, /could not be called: Oh/],
])('gives %s the status %i', (code, status, says) => {
  const failure = callFailure(Object.assign(new Error('Oh'), { code }), 'a.run.app', false);

  expect(failure.status).toBe(status);
  expect(failure.message).toMatch(says);
});

/** What is refused before a token is asked for. */
const REFUSALS: readonly (readonly [what: string, args: readonly string[], says: RegExp])[] = [
  ['http to another machine', ['http://example.com/'], /https alone/],
  ['http without an audience', ['http://127.0.0.1:9/'], /--audience is missing/],
  ['what is no URL', ['example.com/x'], /no URL that can be called/],
  ['a file', ['file:///etc/passwd'], /no URL that can be called/],
  ['what is no URL, with a password', ['ftp://me:CANARY@example.com/'], /no URL that can be called/],
  ['a URL with a password', ['https://me:CANARY@example.com/'], /a user in it/],
  ['an audience that is none', ['--audience', 'x y', 'https://example.com/'], /--audience: "x y"/],
  [
    'two kinds of token',
    ['--audience', AUDIENCE, '--scopes', 'cloud-platform', 'https://a.googleapis.com/'],
    /two kinds/,
  ],
  [
    'an access token for a stranger',
    ['--scopes', 'cloud-platform', 'https://example.com/'],
    /Google’s APIs alone/,
  ],
  [
    'an access token for a host that only looks like Google’s',
    ['--scopes', 'cloud-platform', 'https://compute.googleapis.com.example.com/'],
    /Google’s APIs alone/,
  ],
  [
    'an access token for a host that only ends like Google’s',
    ['--scopes', 'cloud-platform', 'https://evilgoogleapis.com/'],
    /Google’s APIs alone/,
  ],
  [
    'a token of the caller’s',
    ['-H', 'Authorization: Bearer x', 'https://a.run.app/'],
    /"Authorization" cannot be given/,
  ],
  [
    'another host behind the same address',
    ['-H', 'Host: b.run.app', 'https://a.run.app/'],
    /"Host" cannot be given/,
  ],
  ['a header of two', ['-H', 'A: b\r\nHost: c', 'https://a.run.app/'], /is no header/],
  ['what is no header', ['-H', 'nothing', 'https://a.run.app/'], /is no header/],
  ['what is no method', ['-X', 'GET /', 'https://a.run.app/'], /is no method/],
  ['what is no time', ['--max-time', '0', 'https://a.run.app/'], /--max-time/],
  ['no URL', [], /missing required argument 'url'/],
];

test.concurrent.for(REFUSALS)('refuses %s', async ([, args, says], { expect }) => {
  const { status, stdout, stderr } = await cli.run(['call', ...args], {
    GCP_TOKEN_URL: 'http://127.0.0.1:1',
  });

  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(says);
  expect(stderr).not.toContain('CANARY');
});

test.concurrent('asks by itself for the audience of the service at the URL, which the profile may refuse', async ({
  expect,
}) => {
  const { status, stderr } = await cli.run(['call', 'https://service-abc-ew.a.run.app/a/b']);

  expect(status).toBe(1);
  expect(stderr).toMatch(/^gcp-token: .*"https:\/\/service-abc-ew\.a\.run\.app".*\(access_denied\)\n$/);
});

test.concurrent('ends without a word when nobody reads any further', async ({ expect }) => {
  const main = join(import.meta.dirname, '..', 'client', 'cli', 'main.ts');
  const script = `${process.execPath} ${main} call --audience ${AUDIENCE} ${origin}/large | head -c 5`;

  const { stdout, stderr } = await runTool('sh', ['-c', script], { GCP_TOKEN_URL: cli.vendor.url });

  expect({ stdout, stderr }).toEqual({ stdout: 'xxxxx', stderr: '' });
});

test('the profile decides on the scopes of a call', async () => {
  const { status, stderr } = await cli.run(['call', '--scopes', 'storage-ro', `${origin}/`]);

  expect(status).toBe(1);
  expect(stderr).toContain('access_denied');
});

test.concurrent('waits no longer than --max-time for the token, nor for what it was asked of', async ({
  expect,
}) => {
  const folder = cli.folder();
  const tooLate = join(folder, 'too-late');
  const config = join(folder, 'config');
  writeFileSync(
    config,
    `[default]\nregion = eu-west-1\ncredential_process = sh -c "sleep 8; : > ${tooLate}"\n`,
  );

  const ended = await cli.run(
    ['call', '--max-time', '1', '--function', 'vendor', '--audience', AUDIENCE, `${origin}/`],
    { AWS_CONFIG_FILE: config, GCP_TOKEN_URL: '' },
  );

  expect(ended).toMatchObject({ status: 28, stdout: '' });
  expect(ended.stderr).toMatch(/^gcp-token: no token came within --max-time; give it more SECONDS\.\n$/);
  expect(existsSync(tooLate)).toBe(false);
});
