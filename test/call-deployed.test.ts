import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fieldsOf } from '../lambda/fields.ts';
import { createCertificate } from '../local/google/certificate.ts';
import { createRsaKey } from '../local/google/rsa-key.ts';
import { type Container, type Deployable, startContainer } from './deployed-function.ts';
import { createVendorStack } from './infra-rig.ts';
import { ACCOUNT, REGION, SESSION, startRig } from './local-aws-rig.ts';
import { startVendorRig } from './vendor-rig.ts';

const scratch = mkdtempSync(join(tmpdir(), 'caller-'));
const certificate = join(scratch, 'certificate.pem');
const received: string[] = [];

/** A private service that speaks TLS, and echoes whatever it is sent. */
async function startService(): Promise<https.Server> {
  const key = await createRsaKey();
  const cert = createCertificate(key, { commonName: 'localhost', hosts: ['localhost'], nowMs: Date.now() });
  writeFileSync(certificate, cert);
  const pem = key.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const server = https.createServer({ key: pem, cert }, (request, response) => {
    received.push(String(request.headers.authorization));
    response.writeHead(request.url === '/fail' ? 403 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ you: request.headers, url: request.url }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const service = await startService();
const origin = `https://localhost:${(service.address() as AddressInfo).port}`;
const profiles = { default: { audiences: [origin] } };
const vendor = await startVendorRig({ profiles });
const lambda = await startRig({
  handler: vendor.vendor.handler as never,
  profiles: ['default'],
  timeoutMs: 29_000,
});

/** What CDK deploys for a call of the service, the alias's ARN put in. */
function synthesizeCaller(): Deployable {
  const { app, stack, vendor: construct } = createVendorStack(() => ({ api: false, profiles }));
  construct.profile('default').callTask(stack, 'Call', { url: `${origin}/a` });
  const { directory } = app.synth();
  const read = (name: string) => JSON.parse(readFileSync(join(directory, name), 'utf8'));
  const { Resources } = read('Test.template.json') as {
    Resources: Record<string, { Properties: Record<string, never> }>;
  };
  const properties = Object.values(Resources)
    .map(({ Properties }) => Properties as Record<string, unknown>)
    .find(({ Description }) => String(Description).startsWith('Calls private services'));
  const { S3Key = '' } = fieldsOf(properties?.Code) as { S3Key?: string };
  return {
    template: '',
    assetFolder: join(directory, read('Test.assets.json').files[S3Key.replace(/\.zip$/, '')].source.path),
    handler: String(properties?.Handler),
    runtime: String(properties?.Runtime),
    timeoutMs: Number(properties?.Timeout) * 1_000,
    environment: () => ({ VENDOR_ALIAS: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:vendor:default` }),
  };
}

const container: Container = await startContainer({
  deployable: synthesizeCaller(),
  environment: {
    AWS_ENDPOINT_URL_LAMBDA: lambda.url,
    AWS_ACCESS_KEY_ID: SESSION.accessKeyId,
    AWS_SECRET_ACCESS_KEY: SESSION.secretAccessKey,
    AWS_SESSION_TOKEN: SESSION.sessionToken ?? '',
    NODE_EXTRA_CA_CERTS: certificate,
  },
});

afterAll(async () => {
  await container.stop();
  await Promise.all([vendor.close(), lambda.close()]);
  service.close();
  rmSync(scratch, { recursive: true });
});

test('the function that CDK deploys calls a service over TLS, with a token that the vendor gave it for a signed request', async () => {
  const { result } = await container.invoke({ url: `${origin}/a`, method: 'POST', body: { a: 1 } });

  expect(received.at(-1)).toMatch(/^Bearer eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
  expect(result).toMatchObject({
    status: 200,
    body: { url: '/a', you: { authorization: 'Bearer [redacted]', 'content-type': 'application/json' } },
  });
});

test('an error has its name, and nothing beside its message', async () => {
  const { thrown } = await container.invoke({ url: `${origin}/fail`, method: 'GET' });

  expect(thrown).toMatchObject({
    name: 'ServiceRefused',
    message: expect.stringMatching(/\/fail answered 403: .*Bearer \[redacted\]/),
    stack: expect.stringMatching(/^ServiceRefused: /),
  });
});

test('what it writes, throws and shows to an inspector has no token in it', async () => {
  const { thrown } = await container.invoke({ url: `${origin}/fail`, method: 'GET' });
  const parts = received.flatMap((header) => header.slice('Bearer '.length).split('.'));

  const shown = `${container.written()}${JSON.stringify(thrown)}`;

  expect(container.written()).toContain('"token_hidden":true');
  expect(parts.length).toBeGreaterThanOrEqual(3);
  expect(parts.filter((part) => shown.includes(part))).toEqual([]);
});
