import type { Answer } from './answer.ts';
import { amzJsonError, type JsonAction, startJsonApi, textField } from './json-api.ts';
import { orThrow } from './json-fault.ts';
import type { Listening } from './listen.ts';
import { SECRET_ACTIONS } from './secret-actions.ts';
import { createSecretStore, type Secret, type SecretValue } from './secret-store.ts';
import type { Interferer } from './stand-in.ts';

/** One request as the stand-in saw it; no value is ever in it. `status` is 0 where there was no answer. */
export type SecretsManagerRequest = {
  readonly action: string;
  readonly secretId: string | undefined;
  readonly versionStage: string | undefined;
  readonly status: number;
};

export type LocalSecretsManager = Listening & {
  /** Returns the new secret's ARN. @throws {Error} if the name is taken or the value is empty or too large */
  readonly createSecret: (name: string, value: SecretValue) => string;
  /** Returns the id of the new version, which is `AWSCURRENT` from here on. @throws {Error} as Secrets Manager refuses */
  readonly putSecretValue: (name: string, value: SecretValue) => string;
  /** Returns the ARN of a new secret that has no value yet. @throws {Error} if the name is taken */
  readonly createEmptySecret: (name: string) => string;
  /** Sets the tags of a secret. @throws {Error} if there is none of that name */
  readonly tagSecret: (name: string, tags: Readonly<Record<string, string>>) => void;
  /** Begins a rotation as Secrets Manager does, and returns its token. @throws {Error} if there is no such secret */
  readonly beginRotation: (name: string) => string;
  /** Returns the text of the version that has a stage, or `undefined`. @throws {Error} if there is no such secret */
  readonly textOf: (name: string, stage?: string) => string | undefined;
  /** Marks a secret for deletion. @throws {Error} if there is none of that name */
  readonly deleteSecret: (name: string) => void;
  /** The last 10,000 requests, in the order of their answers. */
  readonly requests: readonly SecretsManagerRequest[];
  /** Puts `interferer` in front of every request from here on; `undefined` takes it away. */
  readonly interfere: (interferer: Interferer<Omit<SecretsManagerRequest, 'status'>> | undefined) => void;
};

export type LocalSecretsManagerOptions = {
  /** 0, and so any that is free, if not given. */
  readonly port?: number;
  readonly region?: string;
  readonly accountId?: string;
  readonly now?: () => number;
};

/**
 * Returns an error as Secrets Manager sends it, for a test's interference: `DecryptionFailure`,
 * `ThrottlingException`, `InternalServiceError` (with 500), …
 */
export function secretsManagerError(type: string, message: string, status = 400): Answer {
  return amzJsonError(type, message, status);
}

/**
 * Starts a stand-in for Secrets Manager on loopback, which speaks the JSON 1.1 protocol of the real one to the SDKs
 * and the AWS CLI. It wants each request signed, but does not verify by which key.
 *
 * @throws {Error} the listener's own error (`EADDRINUSE`, …)
 */
export async function startSecretsManager(
  options: LocalSecretsManagerOptions = {},
): Promise<LocalSecretsManager> {
  const { port = 0, region = 'eu-west-1', accountId = '123456789012', now = Date.now } = options;
  const store = createSecretStore({ region, accountId, now });
  const find = (name: string): Secret => orThrow(store.find(name));
  const {
    url,
    port: bound,
    close,
    requests,
    interfere,
  } = await startJsonApi({
    port,
    service: 'secretsmanager',
    targetPrefix: 'secretsmanager',
    actions: new Map(
      Object.entries(SECRET_ACTIONS).map(([name, perform]): [string, JsonAction] => [
        name,
        (input) => perform(store, input),
      ]),
    ),
    subject: (input) => ({
      secretId: textField(input, 'SecretId') ?? textField(input, 'Name'),
      versionStage: textField(input, 'VersionStage'),
    }),
    unreadable: 'InvalidRequestException',
  });

  return {
    url,
    port: bound,
    close,
    requests,
    interfere,
    createSecret: (name, value) => orThrow(store.create(name, value)).arn,
    createEmptySecret: (name) => orThrow(store.create(name)).arn,
    tagSecret: (name, tags) => {
      for (const [key, value] of Object.entries(tags)) {
        find(name).tags.set(key, value);
      }
    },
    beginRotation: (name) => store.begin(find(name)),
    textOf: (name, stage) => {
      const version = store.select(find(name), { stage });
      const value = 'value' in version ? version.value : undefined;
      return value !== undefined && 'string' in value ? value.string : undefined;
    },
    putSecretValue: (name, value) => orThrow(store.put(find(name), value)).id,
    deleteSecret: (name) => store.remove(find(name)),
  };
}
