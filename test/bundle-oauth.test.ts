import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { bundleFunction, LOADED_AT_ONCE, OAUTH_ENTRY, OAUTH_REGISTRAR_ENTRY } from '../infra/bundle.ts';
import { type Container, startContainer } from './deployed-function.ts';
import { USER } from './local-aws-rig.ts';
import { FORM, type OAuthRig, startOAuthRig } from './oauth-rig.ts';

const ENTRIES = [
  ['the OAuth function', OAUTH_ENTRY],
  ['the registrar', OAUTH_REGISTRAR_ENTRY],
] as const;

let rig: OAuthRig;

beforeAll(async () => {
  rig = await startOAuthRig();
});

afterAll(() => rig.close());

/** Starts a bundle alone, as Lambda does, with the stand-ins in the place of AWS. */
async function start(entry: string, environment: Readonly<Record<string, string>>): Promise<Container> {
  const assetFolder = mkdtempSync(join(tmpdir(), 'oauth-bundle-'));
  for (const [name, text] of bundleFunction(entry)) {
    writeFileSync(join(assetFolder, name), text);
  }
  const container = await startContainer({
    deployable: {
      template: '',
      assetFolder,
      handler: 'index.handler',
      runtime: 'nodejs24.x',
      timeoutMs: 29_000,
      environment: () => environment,
    },
    secretsManagerUrl: rig.vendor.secretsManager.url,
    environment: {
      AWS_ACCESS_KEY_ID: USER.accessKeyId,
      AWS_SECRET_ACCESS_KEY: USER.secretAccessKey,
      AWS_SESSION_TOKEN: '',
      AWS_ENDPOINT_URL_LAMBDA: rig.tokenUrl.replace('/oauth/token', ''),
      AWS_ENDPOINT_URL_EVENTBRIDGE: rig.eventBridge.url,
    },
  });
  onTestFinished(async () => {
    await container.stop();
    rmSync(assetFolder, { recursive: true });
  });
  return container;
}

test.each(ENTRIES)(
  '%s is small, and has neither the client of Secrets Manager nor anything of Google’s',
  (_, entry) => {
    const bundle = bundleFunction(entry);
    const code = [...bundle].filter(([name]) => name.endsWith('.mjs'));
    const text = code.map(([, content]) => content).join();

    expect(code.map(([name]) => name).sort()).toEqual([...LOADED_AT_ONCE].sort());
    expect(Buffer.byteLength(text)).toBeLessThan(70_000);
    expect(text).not.toMatch(/SecretsManagerClient|oauth2\.googleapis\.com|private_key|169\.254/);
  },
);

test('the deployed OAuth function gives a client its token, and its log has neither token nor secret', async () => {
  const registry = (await rig.secrets.describe(rig.secretArn('caller'))).tags.get(
    'gcp-token-vendor:registry',
  );
  const [, prefix = '', name = ''] = /^((?:[^:]*:){6})(.+)$/.exec(registry ?? '') ?? [];
  const audience = 'https://europe-west1-example.cloudfunctions.net/hello';
  const container = await start(OAUTH_ENTRY, {
    VENDOR_FUNCTION: 'vendor',
    SECRETS: prefix,
    CLIENTS: JSON.stringify({ caller: { profile: 'default', audience, registry: name } }),
  });
  const ask = (secret: string) =>
    container.invoke({
      rawQueryString: '',
      headers: FORM,
      requestContext: { http: { method: 'POST', sourceIp: '192.0.2.1' } },
      body: `grant_type=client_credentials&client_id=caller&client_secret=${secret}`,
      isBase64Encoded: false,
    });

  const { result, thrown } = await ask(rig.secretOf('caller'));
  const { result: refused } = await ask('wrong');

  expect(thrown).toBeUndefined();
  const { statusCode, body } = result as { statusCode: number; body: string };
  const { access_token: token } = JSON.parse(body);
  expect([statusCode, (refused as { statusCode: number }).statusCode]).toEqual([200, 401]);
  expect(token).toMatch(/^eyJ/);
  expect(container.written()).toContain('"outcome":"vended"');
  expect(container.written()).not.toContain(token);
  expect(container.written()).not.toContain(rig.secretOf('caller'));
});

test('the deployed registrar rotates a secret, step by step', async () => {
  const before = rig.secretOf('reader');
  const container = await start(OAUTH_REGISTRAR_ENTRY, { TOKEN_URL: rig.tokenUrl });
  const event = { SecretId: rig.secretArn('reader'), ClientRequestToken: crypto.randomUUID() };

  for (const Step of ['createSecret', 'setSecret', 'testSecret', 'finishSecret']) {
    const { thrown } = await container.invoke({ ...event, Step });
    expect(thrown).toBeUndefined();
  }

  const after = rig.secretOf('reader');
  expect(after).not.toBe(before);
  expect((await rig.ask('reader', after)).status).toBe(200);
  expect(container.written()).not.toContain(after);
});

test('the deployed registrar says to whoever invokes it otherwise that this is no event of its own', async () => {
  const container = await start(OAUTH_REGISTRAR_ENTRY, { TOKEN_URL: rig.tokenUrl });

  const { thrown } = await container.invoke({});

  expect(thrown?.message).toMatch(/^The event is neither a step of a rotation/);
});
