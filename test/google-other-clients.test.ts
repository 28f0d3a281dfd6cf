import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JWT, OAuth2Client } from 'google-auth-library';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KeyFile } from '../local/google/key-file.ts';
import { type Google, startGoogle } from '../local/google/server.ts';
import { needTool, runTool } from './optional-tool.ts';

const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
const COMPUTE = 'https://www.googleapis.com/auth/compute.readonly';
const GOOGLE_ORIGIN = 'https://oauth2.googleapis.com';

let google: Google;
let key: KeyFile;
let directory: string;
let keyPath: string;

beforeAll(async () => {
  google = await startGoogle();
  key = await google.createServiceAccount().createKey();
  directory = await mkdtemp(join(tmpdir(), 'google-clients-'));
  keyPath = join(directory, 'key.json');
  await writeFile(keyPath, JSON.stringify(key), { mode: 0o600 });
});

afterAll(async () => {
  await google.close();
  await rm(directory, { recursive: true, force: true });
});

async function callFunction(idToken: string): Promise<number> {
  return (await fetch(google.functionUrl, { headers: { authorization: `Bearer ${idToken}` } })).status;
}

async function listInstances(accessToken: string): Promise<number> {
  const url = `${google.url}/compute/v1/projects/acme/zones/europe-west1-b/instances`;
  return (await fetch(url, { headers: { authorization: `Bearer ${accessToken}` } })).status;
}

/** Google's library, whole, but that what it sends to Google's token endpoint arrives at the stand-in. */
function nodeClient(options: { scopes?: string[] } = {}): JWT {
  const fetchImplementation: typeof fetch = (input, init) => {
    const url = input instanceof Request ? input.url : input.toString();
    return fetch(url.replace(GOOGLE_ORIGIN, google.url), init);
  };
  return new JWT({
    email: key.client_email,
    key: key.private_key,
    ...options,
    transporterOptions: { fetchImplementation },
  });
}

function nodeVerifier(): OAuth2Client {
  return new OAuth2Client({
    endpoints: {
      oauth2FederatedSignonPemCertsUrl: `${google.url}/oauth2/v1/certs`,
      oauth2FederatedSignonJwkCertsUrl: `${google.url}/oauth2/v3/certs`,
      tokenInfoUrl: `${google.url}/tokeninfo`,
    },
  });
}

test('google-auth-library for Node gets an access token that lists the instances', async () => {
  const { access_token } = await nodeClient({ scopes: [COMPUTE] }).authorize();

  const status = await listInstances(access_token ?? '');

  expect(status).toBe(200);
  expect(google.exchanges.at(-1)).toMatchObject({ issuer: key.client_email, keyId: undefined, status: 200 });
});

test('google-auth-library for Node gets an ID token that calls the function', async () => {
  const idToken = await nodeClient().fetchIdToken(google.functionAudience);

  const status = await callFunction(idToken);

  expect(status).toBe(200);
});

test('google-auth-library for Node passes Google’s refusal on', async () => {
  const client = nodeClient({ scopes: ['no-such-scope'] });

  await expect(client.authorize()).rejects.toThrow(
    'invalid_scope: Invalid OAuth scope or ID token audience provided.',
  );
});

test('google-auth-library for Node verifies an ID token of the stand-in', async () => {
  const idToken = await nodeClient().fetchIdToken(google.functionAudience);

  const ticket = await nodeVerifier().verifyIdToken({ idToken, audience: google.functionAudience });

  expect(ticket.getPayload()).toMatchObject({
    iss: 'https://accounts.google.com',
    email: key.client_email,
    email_verified: true,
    sub: key.client_id,
  });
});

test('google-auth-library for Node refuses a changed ID token and one for another audience', async () => {
  const idToken = await nodeClient().fetchIdToken(google.functionAudience);
  const [header, payload = '', signature] = idToken.split('.');
  const claims = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), email: 'root@example.com' };
  const changed = [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
  const verifier = nodeVerifier();

  const verifyChanged = verifier.verifyIdToken({ idToken: changed, audience: google.functionAudience });
  await expect(verifyChanged).rejects.toThrow('Invalid token signature');
  const verifyOther = verifier.verifyIdToken({ idToken, audience: 'https://elsewhere.example' });
  await expect(verifyOther).rejects.toThrow('Wrong recipient');
});

test('google-auth-library for Node reads what an access token stands for', async () => {
  const { access_token } = await nodeClient({ scopes: [COMPUTE] }).authorize();

  const info = await nodeVerifier().getTokenInfo(access_token ?? '');

  expect(info).toMatchObject({ scopes: [COMPUTE], email: key.client_email });
});

/** Runs one of Google's tools with what it needs to work, and nothing that could lead it to the real Google. */
async function runClient(command: string, args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runTool(command, args, {
    HOME: directory,
    LANG: 'C.UTF-8',
    CLOUDSDK_CONFIG: join(directory, 'gcloud'),
    CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
    CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: '1',
    CLOUDSDK_CORE_CHECK_GCE_METADATA: '0',
    CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: '1',
  });
  expect(status, stderr).toBe(0);
  return stdout.trim();
}

test('gcloud gets both kinds of token with the key file as it stands', {
  timeout: 180_000,
}, async (context) => {
  await needTool(context, 'sh', ['-c', 'command -v gcloud']);
  const { functionAudience } = google;
  const before = google.exchanges.length;

  await runClient('gcloud', ['auth', 'activate-service-account', '--key-file', keyPath]);
  const accessToken = await runClient('gcloud', ['auth', 'print-access-token']);
  const idToken = await runClient('gcloud', [
    'auth',
    'print-identity-token',
    '--audiences',
    functionAudience,
  ]);

  expect(await listInstances(accessToken)).toBe(200);
  expect(await callFunction(idToken)).toBe(200);
  expect(google.exchanges.slice(before)).toContainEqual(
    expect.objectContaining({ keyId: key.private_key_id, targetAudience: functionAudience, status: 200 }),
  );
});

const PYTHON_CLIENT = `
import json, sys
from google.auth.transport.requests import Request
from google.oauth2 import id_token, service_account

key_path, audience, certs_url, scope = sys.argv[1:]
request = Request()

credentials = service_account.Credentials.from_service_account_file(key_path, scopes=[scope])
credentials.refresh(request)

identity = service_account.IDTokenCredentials.from_service_account_file(key_path, target_audience=audience)
identity.refresh(request)
claims = id_token.verify_token(identity.token, request, audience=audience, certs_url=certs_url)

refusals = []
head, payload, signature = identity.token.split('.')
for token, wanted in ((identity.token, 'https://elsewhere.example'), ('.'.join((head, payload, signature[::-1])), audience)):
    try:
        id_token.verify_token(token, request, audience=wanted, certs_url=certs_url)
    except ValueError as error:
        refusals.append(str(error))

print(json.dumps({'access': credentials.token, 'identity': identity.token, 'email': claims['email'], 'refusals': refusals}))
`;

const PYTHON_IMPORTS = ['-c', 'import google.auth, google.oauth2.id_token, requests'] as const;

/** Returns the interpreter on the path, or the system's own if only that one has google-auth. */
async function choosePython(): Promise<string> {
  const system = '/usr/bin/python3';
  const onPath = await runTool('python3', PYTHON_IMPORTS);
  return onPath.status !== 0 && (await runTool(system, PYTHON_IMPORTS)).status === 0 ? system : 'python3';
}

type PythonReport = {
  readonly access: string;
  readonly identity: string;
  readonly email: string;
  readonly refusals: readonly string[];
};

test('google-auth for Python gets both kinds of token, and verifies', {
  timeout: 90_000,
}, async (context) => {
  const python = await choosePython();
  await needTool(context, python, PYTHON_IMPORTS);

  const certsUrl = `${google.url}/oauth2/v1/certs`;
  const args = ['-c', PYTHON_CLIENT, keyPath, google.functionAudience, certsUrl, CLOUD_PLATFORM];
  const stdout = await runClient(python, args);
  const report: PythonReport = JSON.parse(stdout);

  expect(await listInstances(report.access)).toBe(200);
  expect(await callFunction(report.identity)).toBe(200);
  expect(report.email).toBe(key.client_email);
  expect(report.refusals).toEqual([
    expect.stringContaining('wrong audience'),
    expect.stringContaining('Could not verify token signature'),
  ]);
});
