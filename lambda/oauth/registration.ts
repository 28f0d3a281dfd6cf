import { randomUUID } from 'node:crypto';
import type { SecretDescription, SecretVersions } from '../aws/secret-versions.ts';
import { fieldsOf, textOf } from '../fields.ts';
import { digestSecret } from './client-secret.ts';
import type { RegistryDocument } from './registry-document.ts';

/** What a client's secret holds: what the client shows, in the clear. */
export type ClientSecretDocument = { readonly client_id: string; readonly client_secret: string };

/** The tags of a client's secret, which say what belongs to it. Whoever may write them may write the secret. */
export const REGISTRY_TAG = 'gcp-token-vendor:registry';
export const CONNECTION_TAG = 'gcp-token-vendor:connection';

/** The versions that are good now, by their ids: the current one, and the one that is coming, or else the one that was. */
function goodVersions({ stages }: SecretDescription): readonly (readonly [stage: string, id: string])[] {
  const current = stages.get('AWSCURRENT');
  const others = ['AWSPENDING', 'AWSPREVIOUS'].flatMap((stage) => {
    const id = stages.get(stage);
    return id === undefined || id === current ? [] : [[stage, id] as const];
  });
  return current === undefined ? others : [['AWSCURRENT', current], ...others];
}

/**
 * Returns a version of a client's secret, or `undefined` if it has no value yet.
 *
 * @throws {Error} if it is no client's secret; nothing of it is in the message
 */
export async function readClientSecret(
  secrets: SecretVersions,
  secretId: string,
  stage: string,
  versionId?: string,
): Promise<ClientSecretDocument | undefined> {
  const text = await secrets.read(secretId, { stage, ...(versionId !== undefined && { versionId }) });
  if (text === undefined) {
    return undefined;
  }
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    fields = undefined;
  }
  const { client_id, client_secret } = fieldsOf(fields);
  if (textOf(client_id) === undefined || textOf(client_secret) === undefined) {
    throw new Error('A version of the client’s secret has no client_id and client_secret.');
  }
  return { client_id: String(client_id), client_secret: String(client_secret) };
}

async function digestGoodSecrets(
  secrets: SecretVersions,
  secretId: string,
  description: SecretDescription,
): Promise<RegistryDocument> {
  const found: { readonly document: ClientSecretDocument; readonly version: string }[] = [];
  for (const [stage, version] of goodVersions(description)) {
    const document = found.length < 2 ? await readClientSecret(secrets, secretId, stage, version) : undefined;
    if (document !== undefined) {
      found.push({ document, version });
    }
  }
  const [first] = found;
  if (first === undefined || found.some(({ document }) => document.client_id !== first.document.client_id)) {
    throw new Error('The versions of the client’s secret are not of one client.');
  }
  return {
    client_id: first.document.client_id,
    secrets: found.map(({ document, version }) => ({
      sha256: digestSecret(document.client_secret),
      version,
    })),
  };
}

/** A secret that was tagged wrongly must not shut another client out. */
function isOfAnother(registry: string | undefined, clientId: string): boolean {
  const owner = clientIdIn(registry ?? '');
  return owner !== undefined && owner !== clientId;
}

function clientIdIn(registry: string): string | undefined {
  try {
    return textOf(fieldsOf(JSON.parse(registry)).client_id);
  } catch {
    return undefined;
  }
}

/**
 * Writes the digests of a client's good secrets into its registry: never more than two. It follows from the secret's versions
 * alone, so it can be repeated, and nothing is written where nothing has changed.
 *
 * The registry is the one that the secret's own tag names: what an event says of it is not asked.
 *
 * @throws {Error} by AWS's name for what failed
 */
export async function registerClient(secrets: SecretVersions, secretId: string): Promise<SecretDescription> {
  const description = await secrets.describe(secretId);
  const registry = description.tags.get(REGISTRY_TAG);
  if (registry === undefined) {
    throw new Error(`The secret has no tag ${REGISTRY_TAG}: it is no client’s of this stack.`);
  }
  const document = await digestGoodSecrets(secrets, secretId, description);
  const text = JSON.stringify(document);
  const before = await secrets.read(registry, { stage: 'AWSCURRENT' });
  if (isOfAnother(before, document.client_id)) {
    throw new Error(`The tag ${REGISTRY_TAG} of the secret leads to the registry of another client.`);
  }
  if (before !== text) {
    await secrets.put(registry, text, { id: randomUUID(), stage: 'AWSCURRENT' });
  }
  return description;
}
