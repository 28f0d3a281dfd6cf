import { randomUUID } from 'node:crypto';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { digestSecret } from '../lambda/oauth/client-secret.ts';
import { registerClient } from '../lambda/oauth/registration.ts';
import { createRegistrationRequests } from '../lambda/oauth/registration-request.ts';
import { createTokenProbe } from '../lambda/oauth/token-probe.ts';
import { type OAuthRig, startOAuthRig } from './oauth-rig.ts';
import { thrownBy } from './vendor-rig.ts';

const STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const;
const CONNECTION = 'default-1f0c6a7d-51af3dc0';

let rig: OAuthRig;

beforeEach(async () => {
  const started = await startOAuthRig();
  rig = started;
  onTestFinished(started.close);
});

function registered(): readonly string[] {
  const { secrets } = JSON.parse(rig.registryOf('caller') ?? '') as { secrets: { sha256: string }[] };
  return secrets.map(({ sha256 }) => sha256);
}

function writes(): number {
  return rig.vendor.secretsManager.requests.filter(
    ({ action }) => action !== 'GetSecretValue' && action !== 'DescribeSecret',
  ).length;
}

function begin(): string {
  return rig.vendor.secretsManager.beginRotation('client/caller');
}

async function step(Step: (typeof STEPS)[number], ClientRequestToken: string): Promise<void> {
  await rig.rotation({ Step, SecretId: rig.secretArn('caller'), ClientRequestToken });
}

function connect(): void {
  rig.eventBridge.createConnection(CONNECTION, {});
  rig.vendor.secretsManager.tagSecret('client/caller', { 'gcp-token-vendor:connection': CONNECTION });
}

async function statusOf(secret: string): Promise<number> {
  return (await rig.ask('caller', secret)).status;
}

test('a registry has the digest of the secret, its version, and no secret', () => {
  const text = rig.registryOf('caller') ?? '';

  expect(JSON.parse(text)).toEqual({
    client_id: 'caller',
    secrets: [{ sha256: digestSecret(rig.secretOf('caller')), version: expect.any(String) }],
  });
  expect(text).not.toContain(rig.secretOf('caller'));
});

test('after a rotation the new secret and the one before it are good, at once', async () => {
  const old = rig.secretOf('caller');
  expect(await statusOf(old)).toBe(200);

  await rig.rotate('caller');

  const current = rig.secretOf('caller');
  expect(current).toMatch(/^[0-9a-f]{64}$/);
  expect([await statusOf(current), await statusOf(old)]).toEqual([200, 200]);
  expect(registered()).toEqual([digestSecret(old), digestSecret(current)]);
});

test('the third generation back is refused, and no registry ever has more than two digests', async () => {
  const first = rig.secretOf('caller');
  await rig.rotate('caller');
  const second = rig.secretOf('caller');

  await rig.rotate('caller');

  expect(registered()).toHaveLength(2);
  expect([await statusOf(first), await statusOf(second), await statusOf(rig.secretOf('caller'))]).toEqual([
    401, 200, 200,
  ]);
});

test('a warm container takes a secret that is good no longer for a minute at the most', async () => {
  const secret = rig.secretOf('caller');
  await statusOf(secret);
  rig.setRegistry('caller', '{"client_id":"caller","secrets":[]}');

  rig.vendor.advance(59_000);
  const before = await statusOf(secret);
  rig.vendor.advance(1_000);

  expect([before, await statusOf(secret)]).toEqual([200, 401]);
});

test('each step can be repeated, and changes nothing the second time', async () => {
  connect();
  const token = begin();
  for (const name of STEPS) {
    await step(name, token);
    const before = [rig.secretOf('caller'), rig.registryOf('caller'), writes()];
    await step(name, token);
    expect([rig.secretOf('caller'), rig.registryOf('caller'), writes()]).toEqual(before);
  }

  expect(await statusOf(rig.secretOf('caller'))).toBe(200);
});

test('wherever a rotation stops, what the connection and the client have is good, and the next one goes through', async () => {
  connect();
  for (const stopAfter of STEPS) {
    const token = begin();
    for (const name of STEPS.slice(0, STEPS.indexOf(stopAfter) + 1)) {
      await step(name, token);
    }
    const { OAuthParameters } = rig.eventBridge.authParametersOf(CONNECTION) as {
      OAuthParameters?: { ClientParameters: { ClientSecret: string } };
    };
    const shown = OAuthParameters?.ClientParameters.ClientSecret ?? rig.secretOf('caller');
    rig.vendor.advance(60_000);

    expect([stopAfter, await statusOf(shown), await statusOf(rig.secretOf('caller'))]).toEqual([
      stopAfter,
      200,
      200,
    ]);
  }
  await rig.rotate('caller');
  expect(registered()).toHaveLength(2);
});

test('a connection gets the new secret, and its whole definition with it', async () => {
  connect();

  await rig.rotate('caller');

  expect(rig.eventBridge.authParametersOf(CONNECTION)).toEqual({
    OAuthParameters: {
      AuthorizationEndpoint: rig.tokenUrl,
      HttpMethod: 'POST',
      ClientParameters: { ClientID: 'caller', ClientSecret: rig.secretOf('caller') },
      OAuthHttpParameters: {
        BodyParameters: [{ Key: 'grant_type', Value: 'client_credentials', IsValueSecret: false }],
      },
    },
  });
});

test('an endpoint that gives no token for the new secret fails the rotation, and the connection keeps the old one', async () => {
  connect();
  rig.vendor.google.interfere(() => ({ status: 503, body: '' }));
  const token = begin();
  await step('createSecret', token);

  const error = await thrownBy(step('setSecret', token));

  expect(error?.message).toBe('The token endpoint gave no token for the new secret (503).');
  expect(rig.eventBridge.authParametersOf(CONNECTION)).toEqual({});
  rig.vendor.google.interfere(undefined);
  expect(await statusOf(rig.secretOf('caller'))).toBe(200);
});

test.each([
  ['no step', { SecretId: 'x', ClientRequestToken: 'y' }],
  ['another step', { Step: 'deleteSecret', SecretId: 'x', ClientRequestToken: 'y' }],
  ['a step of every object', { Step: 'constructor', SecretId: 'x', ClientRequestToken: 'y' }],
  ['nothing', undefined],
])('an event with %s is no rotation', async (_, event) => {
  expect((await thrownBy(rig.rotation(event)))?.message).toMatch(/^The event is neither/);
});

test('a rotation that leaves out a step makes no secret current that is not taken', async () => {
  const before = rig.secretOf('caller');
  const ClientRequestToken = rig.vendor.secretsManager.beginRotation('client/caller');

  for (const Step of ['createSecret', 'finishSecret']) {
    await rig.rotation({ Step, SecretId: rig.secretArn('caller'), ClientRequestToken });
  }

  const after = rig.secretOf('caller');
  expect(after).not.toBe(before);
  expect((await rig.ask('caller', after)).status).toBe(200);
  expect((await rig.ask('caller', before)).status).toBe(200);
});

test('a version that is not pending cannot be made the current one', async () => {
  const before = rig.secretOf('caller');

  const error = await thrownBy(step('finishSecret', randomUUID()));

  expect(error?.message).toBe('The version that is to be rotated to is not pending.');
  expect(rig.secretOf('caller')).toBe(before);
});

test('the test that Secrets Manager makes when rotation is turned on passes, and changes and asks nothing', async () => {
  const token = begin();
  const before = [rig.registryOf('caller'), writes()];

  await step('testSecret', token);

  expect([rig.registryOf('caller'), writes()]).toEqual(before);
  expect(rig.lines).toEqual([]);
});

test('a version without a value is neither set nor made the current one', async () => {
  const token = begin();

  const errors = [await thrownBy(step('setSecret', token)), await thrownBy(step('finishSecret', token))];

  expect(errors.map((error) => error?.message)).toEqual(
    Array(2).fill('The new version of the secret has no value.'),
  );
  expect(await statusOf(rig.secretOf('caller'))).toBe(200);
});

test('a rotation that never got a value does not shut out the secret before', async () => {
  const first = rig.secretOf('caller');
  await rig.rotate('caller');
  begin();

  await registerClient(rig.secrets, rig.secretArn('caller'));

  expect(registered()).toHaveLength(2);
  expect([await statusOf(first), await statusOf(rig.secretOf('caller'))]).toEqual([200, 200]);
});

test("what a rotation throws has nothing of a secret's value", async () => {
  rig.vendor.secretsManager.putSecretValue('client/caller', { string: 'verysecret but no JSON' });

  const errors = [
    await thrownBy(registerClient(rig.secrets, rig.secretArn('caller'))),
    await thrownBy(step('createSecret', randomUUID())),
  ];

  for (const error of errors) {
    expect(error).toBeInstanceOf(Error);
    expect(`${error?.stack}${error?.cause}`).not.toContain('verysecret');
  }
});

test("a secret without this stack's tag is registered nowhere", async () => {
  const arn = rig.vendor.secretsManager.createSecret('foreign', {
    string: '{"client_id":"caller","client_secret":"x"}',
  });
  const before = rig.registryOf('caller');

  const error = await thrownBy(registerClient(rig.secrets, arn));

  expect(error?.message).toMatch(/has no tag/);
  expect(rig.registryOf('caller')).toBe(before);
});

test('a secret whose tag leads to the registry of another client is registered nowhere', async () => {
  const { secretsManager } = rig.vendor;
  const registry = (await rig.secrets.describe(rig.secretArn('caller'))).tags.get(
    'gcp-token-vendor:registry',
  );
  const arn = secretsManager.createSecret('crossed', {
    string: '{"client_id":"reports","client_secret":"planted"}',
  });
  secretsManager.tagSecret('crossed', { 'gcp-token-vendor:registry': registry ?? '' });

  const error = await thrownBy(registerClient(rig.secrets, arn));

  expect(error?.message).toMatch(/another client/);
  expect([await statusOf('planted'), await statusOf(rig.secretOf('caller'))]).toEqual([401, 200]);
});

type Put = { readonly url: string; readonly body: Readonly<Record<string, unknown>> };

function cloudFormation(RequestType: string, more: Readonly<Record<string, unknown>> = {}) {
  const puts: Put[] = [];
  const serve = createRegistrationRequests({
    register: (secretId) => registerClient(rig.secrets, secretId),
    put: async (url, text) => {
      puts.push({ url: url.href, body: JSON.parse(text) });
    },
  });
  const event = {
    RequestType,
    ResponseURL: 'https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/x?y=z',
    StackId: 'arn:aws:cloudformation:eu-west-1:123456789012:stack/s/1',
    RequestId: 'r',
    LogicalResourceId: 'Registration',
    ResourceProperties: { Secret: rig.secretArn('caller') },
    ...more,
  };
  return { puts, run: () => serve(event) };
}

test('CloudFormation has a client registered', async () => {
  rig.setRegistry('caller', '{}');
  const { puts, run } = cloudFormation('Create');

  await run();

  expect(puts.map(({ body }) => body)).toEqual([
    {
      Status: 'SUCCESS',
      StackId: 'arn:aws:cloudformation:eu-west-1:123456789012:stack/s/1',
      RequestId: 'r',
      LogicalResourceId: 'Registration',
      PhysicalResourceId: 'Registration',
    },
  ]);
  expect(await statusOf(rig.secretOf('caller'))).toBe(200);
});

test('an update keeps the resource, and both secrets that are good', async () => {
  const old = rig.secretOf('caller');
  await rig.rotate('caller');
  const { puts, run } = cloudFormation('Update', { PhysicalResourceId: 'kept' });

  await run();

  expect(puts[0]?.body).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'kept' });
  expect([await statusOf(old), await statusOf(rig.secretOf('caller'))]).toEqual([200, 200]);
});

test('a deletion touches nothing', async () => {
  const before = rig.registryOf('caller');
  const { puts, run } = cloudFormation('Delete', { ResourceProperties: {} });

  await run();

  expect(puts[0]?.body.Status).toBe('SUCCESS');
  expect(rig.registryOf('caller')).toBe(before);
});

test('a registration that fails says why, without a secret', async () => {
  rig.vendor.secretsManager.putSecretValue('client/caller', { string: 'verysecret but no JSON' });
  const { puts, run } = cloudFormation('Create');

  await run();

  expect(puts[0]?.body).toMatchObject({ Status: 'FAILED', Reason: expect.stringContaining('client_secret') });
  expect(JSON.stringify(puts)).not.toContain('verysecret');
});

test.each([
  'https://evil.example.com/',
  'http://s3.amazonaws.com/',
  'https://amazonaws.com.evil.example/',
  '',
])('the answer is not sent to %s, and nothing is registered', async (ResponseURL) => {
  rig.setRegistry('caller', '{}');
  const { puts, run } = cloudFormation('Create', { ResponseURL });

  expect(await thrownBy(run())).toBeInstanceOf(Error);
  expect([puts, rig.registryOf('caller')]).toEqual([[], '{}']);
});

test('the probe asks again while an answer may still be that of an old registry, and then gives up', async () => {
  const statuses = [401, 503, 200];
  const slept: number[] = [];
  const probe = (answers: number[]) =>
    createTokenProbe({
      tokenUrl: 'https://vendor.example/oauth/token',
      post: async () => ({ status: answers.shift() ?? 401, headers: {}, body: '' }),
      sleep: async (ms) => {
        slept.push(ms);
      },
    })({ client_id: 'c', client_secret: 's' });

  await probe(statuses);

  expect([statuses, slept]).toEqual([[], [3_000, 3_000]]);
  expect((await thrownBy(probe([])))?.message).toMatch(/\(401\)/);
});
