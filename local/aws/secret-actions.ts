import { type JsonFields, textField } from './json-api.ts';
import { isFault } from './json-fault.ts';
import type { Secret, SecretFault, SecretStore, SecretValue } from './secret-store.ts';

/** Serves one action; its result is the JSON of the answer. */
export type SecretAction = (store: SecretStore, input: JsonFields) => JsonFields | SecretFault;

function invalid(message: string): SecretFault {
  return { fault: 'InvalidParameterException', message };
}

function texts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
}

function seconds(ms: number): number {
  return ms / 1000;
}

function findSecret(store: SecretStore, input: JsonFields): Secret | SecretFault {
  const secretId = textField(input, 'SecretId');
  return secretId === undefined ? invalid('SecretId must be a string.') : store.find(secretId);
}

/** A secret that is marked for deletion can be described, and nothing else. */
function findLiving(store: SecretStore, input: JsonFields): Secret | SecretFault {
  const secret = findSecret(store, input);
  return isFault(secret) || secret.deletedMs === undefined
    ? secret
    : {
        fault: 'InvalidRequestException',
        message: "You can't perform this operation on the secret because it was marked for deletion.",
      };
}

function givenValue(input: JsonFields): SecretValue | SecretFault | undefined {
  const string = textField(input, 'SecretString');
  const binary = textField(input, 'SecretBinary');
  if (string !== undefined && binary !== undefined) {
    return invalid(
      "You can't specify both a binary secret value and a string secret value in the same secret.",
    );
  }
  if (binary !== undefined) {
    return { binary: Buffer.from(binary, 'base64') };
  }
  return string === undefined ? undefined : { string };
}

const getSecretValue: SecretAction = (store, input) => {
  const secret = findLiving(store, input);
  if (isFault(secret)) {
    return secret;
  }
  const version = store.select(secret, {
    id: textField(input, 'VersionId'),
    stage: textField(input, 'VersionStage'),
  });
  if (isFault(version)) {
    return version;
  }
  const { value } = version;
  if (value === undefined) {
    return {
      fault: 'ResourceNotFoundException',
      message: "Secrets Manager can't find the specified secret value.",
    };
  }
  return {
    ARN: secret.arn,
    Name: secret.name,
    VersionId: version.id,
    ...('string' in value
      ? { SecretString: value.string }
      : { SecretBinary: Buffer.from(value.binary).toString('base64') }),
    VersionStages: [...version.stages],
    CreatedDate: seconds(version.createdMs),
  };
};

const describeSecret: SecretAction = (store, input) => {
  const secret = findSecret(store, input);
  if (isFault(secret)) {
    return secret;
  }
  const staged = [...secret.versions.values()].filter(({ stages }) => stages.size > 0);
  return {
    ARN: secret.arn,
    Name: secret.name,
    CreatedDate: seconds(secret.createdMs),
    LastChangedDate: seconds(secret.changedMs),
    ...(secret.deletedMs === undefined ? {} : { DeletedDate: seconds(secret.deletedMs) }),
    ...(secret.tags.size === 0 ? {} : { Tags: [...secret.tags].map(([Key, Value]) => ({ Key, Value })) }),
    VersionIdsToStages: Object.fromEntries(staged.map(({ id, stages }) => [id, [...stages]])),
  };
};

const putSecretValue: SecretAction = (store, input) => {
  const secret = findLiving(store, input);
  if (isFault(secret)) {
    return secret;
  }
  const value = givenValue(input) ?? invalid('You must provide either SecretString or SecretBinary.');
  const version = isFault(value)
    ? value
    : store.put(secret, value, {
        id: textField(input, 'ClientRequestToken'),
        stages: texts(input.VersionStages),
      });
  return isFault(version)
    ? version
    : { ARN: secret.arn, Name: secret.name, VersionId: version.id, VersionStages: [...version.stages] };
};

const createSecret: SecretAction = (store, input) => {
  const value = givenValue(input);
  if (value !== undefined && isFault(value)) {
    return value;
  }
  const secret = store.create(textField(input, 'Name') ?? '', value, textField(input, 'ClientRequestToken'));
  if (isFault(secret)) {
    return secret;
  }
  const [versionId] = secret.versions.keys();
  return { ARN: secret.arn, Name: secret.name, ...(versionId === undefined ? {} : { VersionId: versionId }) };
};

const updateSecretVersionStage: SecretAction = (store, input) => {
  const secret = findLiving(store, input);
  const stage = textField(input, 'VersionStage');
  if (isFault(secret) || stage === undefined) {
    return isFault(secret) ? secret : invalid('VersionStage must be a string.');
  }
  const from = textField(input, 'RemoveFromVersionId');
  const to = textField(input, 'MoveToVersionId');
  return store.move(secret, { stage, from, to }) ?? { ARN: secret.arn, Name: secret.name };
};

/**
 * The actions of Secrets Manager that are to be had locally, by name: what reads, writes and rotates a secret.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Operations.html
 */
export const SECRET_ACTIONS: Readonly<Record<string, SecretAction>> = {
  GetSecretValue: getSecretValue,
  DescribeSecret: describeSecret,
  PutSecretValue: putSecretValue,
  CreateSecret: createSecret,
  UpdateSecretVersionStage: updateSecretVersionStage,
};
