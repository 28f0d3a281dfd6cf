import { afterAll, beforeAll, expect, test } from 'vitest';
import { greeting } from '../local/greeting.ts';
import { type LocalVendor, startLocalVendor } from '../local/local-vendor.ts';
import { parseStartOptions } from '../local/start-options.ts';

const lines: string[] = [];
const QUIET = { audit: { record: () => {}, warn: () => {} }, log: (line: string) => lines.push(line) };
const options = parseStartOptions(['--port', '0', '--oauth', '--iam']);

let vendor: LocalVendor;

beforeAll(async () => {
  vendor = await startLocalVendor(options, QUIET);
});

afterAll(() => vendor.close());

function ask(id: string, secret: string): Promise<Response> {
  return fetch(`${vendor.url}/oauth/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
}

test('npm start with --oauth has a client for what each profile vends, and each gets its token', async () => {
  const answers = await Promise.all(vendor.oauthClients.map(({ id, secret }) => ask(id, secret)));
  const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as { access_token: string }[];

  expect(vendor.oauthClients.map(({ profile }) => profile)).toEqual(
    expect.arrayContaining([...vendor.profiles.keys()]),
  );
  expect(answers.map(({ status }) => status)).toEqual(vendor.oauthClients.map(() => 200));
  expect(bodies.every(({ access_token }) => /^(?:ya29\.|eyJ)/.test(access_token))).toBe(true);
});

test('a wrong secret is refused, and neither a secret nor a token is logged', async () => {
  const [client] = vendor.oauthClients;

  const { status } = await ask(client?.id ?? '', 'wrong');

  expect(status).toBe(401);
  expect(lines.join()).toContain(`oauth ${client?.id}: invalid_client`);
  expect(lines.join()).not.toMatch(/[0-9a-f]{64}|ya29|eyJ/);
});

test('the commands that npm start prints have the clients in them', () => {
  const told = greeting(vendor, options);

  for (const { id, secret } of vendor.oauthClients) {
    expect(told).toContain(
      `curl -s -u ${id}:${secret} -d grant_type=client_credentials ${vendor.url}/oauth/token`,
    );
  }
});

test('without --oauth there is no such route, and no client', async () => {
  const plain = await startLocalVendor(parseStartOptions(['--port', '0']), QUIET);

  const { status } = await fetch(`${plain.url}/oauth/token`, { method: 'POST', body: 'grant_type=x' });
  await plain.close();

  expect([status, plain.oauthClients]).toEqual([404, []]);
});
