import type { SecretVersions } from '../aws/secret-versions.ts';
import { fieldsOf, textOf } from '../fields.ts';
import { createClientSecret } from './client-secret.ts';
import type { UpdateConnection } from './connection-secret.ts';
import {
  type ClientSecretDocument,
  CONNECTION_TAG,
  readClientSecret,
  registerClient,
} from './registration.ts';
import type { ProbeToken } from './token-probe.ts';

export type RotationDependencies = {
  readonly secrets: SecretVersions;
  readonly updateConnection: UpdateConnection;
  readonly probe: ProbeToken;
};

type Rotation = { readonly secretId: string; readonly token: string };
type Step = (rotation: Rotation) => Promise<void>;

function createSteps({ secrets, updateConnection, probe }: RotationDependencies) {
  const pendingOf = async ({ secretId, token }: Rotation): Promise<ClientSecretDocument> => {
    const pending = await readClientSecret(secrets, secretId, 'AWSPENDING', token);
    if (pending === undefined) {
      throw new Error('The new version of the secret has no value.');
    }
    return pending;
  };

  const createSecret: Step = async ({ secretId, token }) => {
    if ((await readClientSecret(secrets, secretId, 'AWSPENDING', token)) !== undefined) {
      return;
    }
    const current = await readClientSecret(secrets, secretId, 'AWSCURRENT');
    if (current === undefined) {
      throw new Error('The secret has no current version to follow.');
    }
    const next = { client_id: current.client_id, client_secret: createClientSecret() };
    await secrets.put(secretId, JSON.stringify(next), { id: token, stage: 'AWSPENDING' });
  };

  /** From here on the old secret and the new one are good, and the one before them is not. */
  const setSecret: Step = async (rotation) => {
    const pending = await pendingOf(rotation);
    const { tags } = await registerClient(secrets, rotation.secretId);
    await probe(pending);
    const connection = tags.get(CONNECTION_TAG);
    if (connection !== undefined) {
      await updateConnection(connection, pending);
    }
  };

  /** Secrets Manager runs this step by itself, too, when rotation is turned on, with a version that has nothing new. */
  const testSecret: Step = async ({ secretId, token }) => {
    const pending = await readClientSecret(secrets, secretId, 'AWSPENDING', token);
    const current = await readClientSecret(secrets, secretId, 'AWSCURRENT');
    if (pending !== undefined && pending.client_secret !== current?.client_secret) {
      await probe(pending);
    }
  };

  /** Registers once more, which changes nothing after setSecret: no version becomes current that nobody would take. */
  const finishSecret: Step = async (rotation) => {
    const { secretId, token } = rotation;
    await pendingOf(rotation);
    const { stages } = await registerClient(secrets, secretId);
    await secrets.move(secretId, 'AWSCURRENT', { from: stages.get('AWSCURRENT'), to: token });
  };

  return new Map(Object.entries({ createSecret, setSecret, testSecret, finishSecret }));
}

/**
 * Returns what Secrets Manager calls to rotate the secret of a client, step by step. Each step may be repeated, and one that
 * comes after the end does nothing. Wherever it stops, the connection has one of the two secrets that are good.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
 */
export function createRotation(dependencies: RotationDependencies): (event: unknown) => Promise<void> {
  const steps = createSteps(dependencies);

  return async (event) => {
    const { Step, SecretId, ClientRequestToken } = fieldsOf(event);
    const step = steps.get(textOf(Step) ?? '');
    const secretId = textOf(SecretId);
    const token = textOf(ClientRequestToken);
    if (step === undefined || secretId === undefined || token === undefined) {
      throw new Error('The event is neither a step of a rotation nor a request of CloudFormation’s.');
    }
    const { stages } = await dependencies.secrets.describe(secretId);
    if (stages.get('AWSCURRENT') === token) {
      return;
    }
    if (Step !== 'createSecret' && stages.get('AWSPENDING') !== token) {
      throw new Error('The version that is to be rotated to is not pending.');
    }
    await step({ secretId, token });
  };
}
