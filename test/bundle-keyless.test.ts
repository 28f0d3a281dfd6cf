import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { FUNCTION_AUDIENCE } from '../local/google/server.ts';
import { type Container, type Deployable, startContainer, synthesize } from './deployed-function.ts';
import { type Clouds, type DocumentName, startClouds } from './make-clouds.ts';

const INSTANCES = '/compute/v1/projects/example-project/zones/europe-west1-b/instances';
const KEYLESS = ['federation with impersonation', 'federation, OIDC token', 'AWS KMS key'] as const;

let clouds: Clouds;
let deployables: ReadonlyMap<DocumentName, Deployable>;

beforeAll(async () => {
  clouds = await startClouds();
  const documents = await clouds.documents();
  deployables = new Map(
    KEYLESS.map((name) => [
      name,
      synthesize({ credentials: { default: { document: { ...documents[name] } } } }),
    ]),
  );
});

afterAll(() => clouds.close());

function deployableOf(name: DocumentName): Deployable {
  const deployable = deployables.get(name);
  if (deployable === undefined) {
    throw new Error(`${name} was not synthesized`);
  }
  return deployable;
}

/** Starts the function as it would be deployed, with the role's own AWS credentials and no secret anywhere. */
async function start(name: DocumentName, more: Readonly<Record<string, string>> = {}): Promise<Container> {
  const { accessKeyId, secretAccessKey, sessionToken = '' } = await clouds.aws.credentials();
  const container = await startContainer({
    deployable: deployableOf(name),
    environment: {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
      AWS_ENDPOINT_URL_STS: clouds.sts.url,
      AWS_ENDPOINT_URL_KMS: clouds.kms.url,
      ...more,
    },
  });
  onTestFinished(container.stop);
  return container;
}

type Answer = Readonly<Record<string, unknown>>;

async function vend(container: Container, event: object, alias?: string): Promise<Answer> {
  const { result, thrown } = await container.invoke(event, alias === undefined ? {} : { alias });
  expect(thrown).toBeUndefined();
  return result as Answer;
}

async function statusOf(url: string, token: unknown): Promise<number> {
  return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
}

test.each(KEYLESS)(
  '%s: the deployed function vends a token, with no secret in its template or environment',
  async (name) => {
    const container = await start(name);

    const { access_token: token } = await vend(container, {});

    expect(await statusOf(clouds.google.url + INSTANCES, token)).toBe(200);
    expect(deployableOf(name).template).not.toMatch(/AWS::SecretsManager|secretsmanager:/);
    expect(container.written()).not.toContain(String(token));
  },
);

test.each(['federation with impersonation', 'AWS KMS key'] as const)(
  '%s: the deployed function vends an ID token, which calls a private function',
  async (name) => {
    const container = await start(name);

    const { id_token: token } = await vend(container, { audience: FUNCTION_AUDIENCE });

    expect(await statusOf(clouds.google.functionUrl, token)).toBe(200);
  },
);

// A start that waits for what loads a file which imports the entry would wait for ever.
test.each(KEYLESS)(
  '%s: the start is over, and the credential is open, where the container is frozen after it',
  async (name) => {
    const container = await start(name, { AWS_LAMBDA_INITIALIZATION_TYPE: 'provisioned-concurrency' });

    expect(await vend(container, {})).toHaveProperty('access_token');
  },
);

test('the deployed function examines itself by its alias Doctor', async () => {
  const container = await start('federation with impersonation');

  const answer = await vend(container, { profile: 'default' }, 'Doctor');

  expect(answer.ok).toBe(true);
  expect(JSON.stringify(answer)).not.toMatch(/ya29\.|eyJ/);
});

test('the client for Secrets Manager is not in the bundle, which loads less than half at its start', () => {
  const { assetFolder } = deployableOf('federation with impersonation');
  const sizeOf = (name: string) => statSync(join(assetFolder, name)).size;

  expect(readdirSync(assetFolder)).toContain('external-account.mjs');
  expect(sizeOf('index.mjs') + sizeOf('shared.mjs')).toBeLessThan(120_000);
});
