import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { beforeAll, expect, type TestContext, test } from 'vitest';
import { type LocalSecretsManager, startSecretsManager } from '../local/aws/secrets-manager.ts';
import type { KeyFile } from '../local/google/key-file.ts';
import { FUNCTION_AUDIENCE, type Google, type GoogleOptions, startGoogle } from '../local/google/server.ts';
import type { ServiceAccount } from '../local/google/service-accounts.ts';
import { type Container, type Deployable, startContainer, synthesize } from './deployed-function.ts';
import { httpApiEvent } from './make-event.ts';
import { type Answered, fieldsOf, presentToken, sampleEvents } from './sample-events.ts';

const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
const MAX_BUNDLE_BYTES = 250_000;

let deployable: Deployable;

beforeAll(() => {
  deployable = synthesize();
});

/** The deployed function, a strict Google that its key file points at, and the secret with that file in it. */
type Deployment = {
  readonly container: Container;
  readonly google: Google;
  readonly account: ServiceAccount;
  readonly firstKey: KeyFile;
  readonly secretsManager: LocalSecretsManager;
};

type Options = GoogleOptions & { readonly environment?: Readonly<Record<string, string>> };

async function deploy({ onTestFinished }: TestContext, options: Options = {}): Promise<Deployment> {
  const google = await startGoogle(options);
  const secretsManager = await startSecretsManager();
  const account = google.createServiceAccount();
  const firstKey = await account.createKey();
  const secretArn = secretsManager.createSecret('google', { string: JSON.stringify(firstKey) });
  const container = await startContainer({
    deployable,
    secretArn,
    secretsManagerUrl: secretsManager.url,
    environment: options.environment ?? {},
  });
  onTestFinished(async () => {
    await container.stop();
    await Promise.all([google.close(), secretsManager.close()]);
  });
  return { container, google, account, firstKey, secretsManager };
}

async function vend(container: Container, event: unknown): Promise<Answered> {
  const { result, thrown } = await container.invoke(event);
  return thrown === undefined ? fieldsOf(result) : { errorType: thrown.name };
}

function audience(name: string | number): object {
  return { audience: `https://europe-west1-example.cloudfunctions.net/${name}` };
}

test('is at most 250 KB, and all that it needs is in its folder', () => {
  const files = readdirSync(deployable.assetFolder);
  const code = join(deployable.assetFolder, 'index.mjs');

  expect(statSync(code).size).toBeLessThanOrEqual(MAX_BUNDLE_BYTES);
  expect(files).toContain('profiles.json');
  expect(existsSync(join(deployable.assetFolder, 'node_modules'))).toBe(false);
});

test('has no secret in its template, its environment or its files', () => {
  const variables = JSON.stringify(deployable.environment('arn:aws:secretsmanager:x'));

  expect(deployable.template).not.toMatch(
    /PRIVATE KEY|private_key|SecretString|GenerateSecretString|resolve:secretsmanager/,
  );
  expect(variables).not.toMatch(/PRIVATE KEY|password|token"|AKIA|ASIA/i);
  expect(JSON.parse(deployable.environment('THE-ARN').CREDENTIALS ?? '')).toEqual({
    default: { secret: 'THE-ARN' },
  });
});

test('runs on the Node that runs these tests, with a handler that Lambda can call', async (context) => {
  const { container } = await deploy(context);

  expect(deployable.runtime).toBe(`nodejs${process.versions.node.split('.')[0]}.x`);
  // From Node 24 on Lambda refuses handlers that take a callback.
  expect(container.ready.arity).toBeLessThan(3);
});

test('vends both kinds of token from the Google that the key file points at', async (context) => {
  const { container, google } = await deploy(context);

  const access = await vend(container, {});
  const id = await vend(container, { audience: FUNCTION_AUDIENCE });

  expect([await presentToken(google, access), await presentToken(google, id)]).toEqual([200, 200]);
  expect(decodeJwt(id.id_token ?? '').aud).toBe(FUNCTION_AUDIENCE);
  expect(google.exchanges.map(({ status }) => status)).toEqual([200, 200]);
});

test('gives every file of events/ what it is to have', async (context) => {
  const { container, google } = await deploy(context);
  const samples = sampleEvents();

  const answered = await Promise.all(samples.map(({ event }) => vend(container, event)));
  const refusals = answered.map(({ errorType, error }) => errorType ?? error);
  const accepted = await Promise.all(
    answered
      .filter((_, index) => refusals[index] === undefined)
      .map((answer) => presentToken(google, answer)),
  );

  expect(refusals).toEqual(samples.map(({ refusal }) => refusal));
  expect(new Set(accepted)).toEqual(new Set([200]));
});

test('makes one exchange for a scope set, in whatever order and spelling, however many ask', async (context) => {
  const { container, google } = await deploy(context);
  const spellings = [
    'cloud-platform',
    CLOUD_PLATFORM,
    `${CLOUD_PLATFORM} cloud-platform`,
    `cloud-platform,${CLOUD_PLATFORM}`,
  ];

  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) => vend(container, { scopes: spellings[index % 4] })),
  );

  expect(new Set(answers.map(({ access_token }) => access_token)).size).toBe(1);
  expect(google.exchanges.map(({ scope }) => scope)).toEqual([CLOUD_PLATFORM]);
});

test('takes up a rotated key without one failed request', async (context) => {
  const { container, google, account, firstKey, secretsManager } = await deploy(context);
  await vend(container, {});
  let asked = 0;
  const answers: Answered[] = [];
  const work = async () => {
    while (asked < 120) {
      asked += 1;
      answers.push(await vend(container, audience(asked)));
    }
  };

  const workers = Promise.all(Array.from({ length: 12 }, work));
  const newKey = await account.createKey();
  secretsManager.putSecretValue('google', { string: JSON.stringify(newKey) });
  account.deleteKey(firstKey.private_key_id);
  await workers;

  expect(answers.filter(({ id_token }) => id_token === undefined)).toEqual([]);
  expect(google.exchanges.at(-1)?.keyId).toBe(newKey.private_key_id);
  expect(secretsManager.requests).toHaveLength(2);
});

test('serves the cached token as if nothing were wrong while Google is down', async (context) => {
  const { container, google } = await deploy(context);
  const before = await vend(container, {});
  await google.close();

  const during = await Promise.all([vend(container, {}), vend(container, { scopes: 'cloud-platform' })]);
  const other = await vend(container, audience('other'));

  expect(during.map(({ access_token }) => access_token)).toEqual([before.access_token, before.access_token]);
  expect(other.errorType).toBe('GoogleUnavailable');
});

test('throws a name and a message, and nothing of what lies underneath', async (context) => {
  const { container, google, firstKey } = await deploy(context);
  google.interfere(() => 'reset');

  const ends = [
    await container.invoke({ scopes: 'nonsense' }),
    await container.invoke({ scopes: 'compute-rw' }),
    await container.invoke({}),
  ];
  const thrown = ends.map((end) => end.thrown);

  expect(thrown.map((error) => error?.name)).toEqual(['InvalidRequest', 'AccessDenied', 'GoogleUnavailable']);
  expect(thrown.map((error) => error?.stack)).toEqual(
    thrown.map((error) => `${error?.name}: ${error?.message}`),
  );
  expect(new Set(thrown.flatMap((error) => error?.fields))).toEqual(
    new Set(['stack', 'message', 'name', 'code', 'retryAfterSeconds']),
  );
  expect(thrown.map((error) => error?.inspected).join()).not.toMatch(/node:|index\.mjs|cause|eyJ/);
  expect(thrown.map((error) => error?.inspected).join()).not.toContain(firstKey.private_key.slice(100, 130));
});

test('writes nothing but JSON, one audit line a request, and no secret', async (context) => {
  const { container, google, firstKey } = await deploy(context);

  const access = await vend(container, httpApiEvent({ query: 'scopes=cloud-platform' }));
  const id = await vend(container, { audience: FUNCTION_AUDIENCE });
  google.interfere(() => ({ status: 400, body: { error: 'invalid_grant', error_description: 'no' } }));
  await vend(container, audience('refused'));
  await vend(container, { audience: access.access_token });
  const lines = () =>
    container
      .written()
      .split('\n')
      .filter((line) => line !== '');
  await expect.poll(() => lines().length).toBe(8);
  const parsed = lines().map((line) => JSON.parse(line));
  const secrets = [access.access_token, id.id_token, firstKey.private_key.split('\n')[5], 'eyJ'].map(String);

  expect(parsed.filter((line) => 'outcome' in line).map(({ outcome }) => outcome)).toEqual([
    'vended',
    'vended',
    'google_refused',
    'invalid_request',
  ]);
  expect(secrets.filter((secret) => container.written().includes(secret.slice(0, 24)))).toEqual([]);
});

test('has read the credential before its start is over where it is frozen after that', async (context) => {
  const frozen = await deploy(context, {
    environment: { AWS_LAMBDA_INITIALIZATION_TYPE: 'provisioned-concurrency' },
  });
  const readAtStart = frozen.secretsManager.requests.length;
  frozen.container.freeze();
  await sleep(300);
  frozen.container.thaw();

  const first = await vend(frozen.container, {});

  expect(readAtStart).toBe(1);
  expect(first.access_token).toBeDefined();
  expect(frozen.secretsManager.requests).toHaveLength(1);
});

test('starts without waiting for a Secrets Manager that hangs, and says so when asked', async (context) => {
  const secretsManager = await startSecretsManager();
  secretsManager.interfere(() => 'hang');
  const container = await startContainer({
    deployable,
    secretArn: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-abcdef',
    secretsManagerUrl: secretsManager.url,
  });
  context.onTestFinished(async () => {
    await container.stop();
    await secretsManager.close();
  });

  const { thrown } = await container.invoke({}, { remainingMs: 1_000 });

  expect(thrown?.name).toBe('Timeout');
});

test.concurrent('vends after a freeze between two requests', async (context) => {
  const { container } = await deploy(context);
  const before = await vend(container, {});

  container.freeze();
  await sleep(1_000);
  container.thaw();
  const cached = await vend(container, {});
  const fresh = await vend(container, audience('after'));

  expect(cached.access_token).toBe(before.access_token);
  expect(fresh.id_token).toBeDefined();
});

test.concurrent('vends after a freeze during which Google hung up and the key was replaced', async (context) => {
  const { container, google, secretsManager } = await deploy(context);
  await vend(container, {});

  container.freeze();
  await google.close();
  const back = await startGoogle({ port: Number(new URL(google.url).port) });
  context.onTestFinished(back.close);
  const key = await back.createServiceAccount().createKey();
  secretsManager.putSecretValue('google', { string: JSON.stringify(key) });
  container.thaw();
  const fresh = await vend(container, { audience: FUNCTION_AUDIENCE });

  expect(await presentToken(back, fresh)).toBe(200);
});

test.concurrent.for([
  ['was answered meanwhile', undefined],
  ['lost its connection meanwhile', 'reset'],
] as const)('vends after a freeze in the middle of a refresh that %s', async ([, reply], context) => {
  // From half of its life on, a token that lives for eight seconds is renewed beside its callers.
  const { container, google } = await deploy(context, { accessTokenSeconds: 8 });
  const before = await vend(container, {});
  const held = Promise.withResolvers<typeof reply>();
  let asked = 0;
  google.interfere(() => {
    asked += 1;
    return held.promise;
  });
  await sleep(4_300);
  const during = await vend(container, {});
  await context.expect.poll(() => asked).toBe(1);

  container.freeze();
  google.interfere(undefined);
  held.resolve(reply);
  await sleep(1_500);
  container.thaw();
  const after = await Promise.all([vend(container, {}), vend(container, {}), vend(container, {})]);
  const accepted = await Promise.all(after.map((answer) => presentToken(google, answer)));
  await context.expect
    .poll(async () => (await vend(container, {})).access_token)
    .not.toBe(before.access_token);

  expect(during.access_token).toBe(before.access_token);
  expect(accepted).toEqual([200, 200, 200]);
});
