import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSecretReader } from '../lambda/aws/secrets-manager.ts';
import type { CredentialLocation } from '../lambda/credentials/credential-store.ts';
import { createNetwork, type Network } from '../lambda/google/post.ts';
import { parseProfiles } from '../lambda/policy/profiles.ts';
import { createVendor, type Vendor } from '../lambda/vendor.ts';
import { type LocalSecretsManager, startSecretsManager } from '../local/aws/secrets-manager.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { type Clouds, type DocumentName, startClouds, TARGET } from './make-clouds.ts';
import { contextFor } from './make-event.ts';

const FUNCTION = 'https://europe-west1-example.cloudfunctions.net/hello';
const PROFILES = parseProfiles({
  default: { scopes: ['cloud-platform', 'storage-ro'], audiences: [FUNCTION] },
});

let clouds: Clouds;
let secretsManager: LocalSecretsManager;
/** Between the vendor and Google; it counts connections. */
let road: FaultProxy;
let network: Network;
let ahead: string[];
let posted: string[];

beforeEach(async () => {
  clouds = await startClouds();
  secretsManager = await startSecretsManager();
  road = await startFaultProxy(clouds.google.url);
  const real = createNetwork();
  ahead = [];
  posted = [];
  network = {
    ...real,
    post: (url, body, timeoutMs) => {
      posted.push(url.pathname.split(':').at(-1) ?? '');
      return real.post(url, body, timeoutMs);
    },
    connectAhead: ({ origin }) => ahead.push(origin),
  };
});

afterEach(async () => {
  network.close();
  await Promise.all([road.close(), clouds.close(), secretsManager.close()]);
});

async function documentOf(name: DocumentName): Promise<Readonly<Record<string, unknown>>> {
  const documents = await clouds.documents();
  return JSON.parse(JSON.stringify(documents[name]).replaceAll(clouds.google.url, road.url));
}

function start(location: CredentialLocation): Vendor {
  return createVendor({
    profiles: PROFILES,
    credentials: new Map([['default', location]]),
    readSecret: createSecretReader({
      endpoint: secretsManager.url,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local' },
    }),
    audit: { record: () => {}, warn: () => {} },
    network,
    aws: clouds.aws,
  });
}

/** All that the vendor has sent over the network so far, to whomever, in its order. */
function trips(): readonly string[] {
  return [...secretsManager.requests.map(() => 'secret'), ...posted];
}

async function vend(vendor: Vendor, event: object = {}): Promise<void> {
  await vendor.handler(event, contextFor('default'));
}

test('the first token by federation and impersonation takes two round trips, and a third for a secret', async () => {
  const document = await documentOf('federation with impersonation');
  const secret = secretsManager.createSecret('federation', { string: JSON.stringify(document) });

  await vend(start({ document }));
  const inline = trips();
  posted = [];
  await vend(start({ secret }));

  expect(inline).toEqual(['/v1/token', 'generateAccessToken']);
  expect(trips()).toEqual(['secret', '/v1/token', 'generateAccessToken']);
});

test('the first token by an OIDC token of AWS’s and impersonation takes three', async () => {
  const document = {
    ...(await documentOf('federation, OIDC token')),
    service_account_impersonation_url: clouds.google
      .impersonationUrl(TARGET)
      .replace(clouds.google.url, road.url),
  };

  await vend(start({ document }));

  // To AWS, whose STS is asked at its root, and twice to Google.
  expect(trips()).toEqual(['/', '/v1/token', 'generateAccessToken']);
});

test('a second token takes one, and all go over one connection that is kept', async () => {
  const vendor = start({ document: await documentOf('federation with impersonation') });
  await vend(vendor);
  posted = [];

  await vend(vendor, { audience: FUNCTION });
  await vend(vendor, { scopes: ['storage-ro'] });

  expect(trips()).toEqual(['generateIdToken', 'generateAccessToken']);
  expect(road.connections()).toBe(1);
});

test.each<[DocumentName, (road: string, sts: string) => readonly string[]]>([
  ['federation, signed request', (google) => [google]],
  ['federation, OIDC token', (google, sts) => [google, sts]],
  ['federation with impersonation', (google) => [google, google]],
  ['impersonated service account', (google) => [google]],
  ['AWS KMS key', (google) => [google]],
])(
  '%s: the connections that it will need are opened when the document is read, before any request',
  async (name, origins) => {
    const vendor = start({ document: await documentOf(name) });

    await vendor.warmUp();

    expect([...ahead].sort()).toEqual([...origins(road.url, clouds.sts.url)].sort());
    expect(trips()).toEqual([]);
  },
);
