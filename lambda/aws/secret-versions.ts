import { fieldsOf, isFields, textOf } from '../fields.ts';
import type { AwsJson } from './aws-json.ts';

/** Which version of a secret: by its stage, and by its id where that has to be the one. */
export type VersionOf = { readonly stage: string; readonly versionId?: string };

/** What is known of a secret without its value. */
export type SecretDescription = {
  /** The id of the version that has a stage, by stage. */
  readonly stages: ReadonlyMap<string, string>;
  readonly tags: ReadonlyMap<string, string>;
};

/** Secrets Manager, for what reads versions and rotates them. Each throws an error by AWS's name for it. */
export type SecretVersions = {
  /** Returns the text of a version, or `undefined` if there is none. */
  readonly read: (secretId: string, version: VersionOf) => Promise<string | undefined>;
  readonly describe: (secretId: string) => Promise<SecretDescription>;
  /** Makes a version; the same id with the same text again changes nothing. */
  readonly put: (
    secretId: string,
    text: string,
    version: { readonly id: string; readonly stage: string },
  ) => Promise<void>;
  /** Moves a stage from one version to another. */
  readonly move: (
    secretId: string,
    stage: string,
    versions: { readonly from: string | undefined; readonly to: string },
  ) => Promise<void>;
};

const NOT_FOUND = 'ResourceNotFoundException';

function stagesOf(versions: unknown): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(fieldsOf(versions)).flatMap(([id, stages]) =>
      Array.isArray(stages) ? stages.map((stage): [string, string] => [String(stage), id]) : [],
    ),
  );
}

function tagsOf(tags: unknown): ReadonlyMap<string, string> {
  const list: readonly unknown[] = Array.isArray(tags) ? tags : [];
  return new Map(list.filter(isFields).map(({ Key, Value }) => [String(Key), textOf(Value) ?? '']));
}

/**
 * Returns Secrets Manager over `call`.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Operations.html
 */
export function createSecretVersions(call: AwsJson): SecretVersions {
  const act = (action: string, input: Readonly<Record<string, unknown>>) =>
    call({ service: 'secretsmanager', target: `secretsmanager.${action}`, input });

  return {
    read: async (secretId, { stage, versionId }) => {
      try {
        const { SecretString } = await act('GetSecretValue', {
          SecretId: secretId,
          VersionStage: stage,
          ...(versionId !== undefined && { VersionId: versionId }),
        });
        return textOf(SecretString);
      } catch (error) {
        if (error instanceof Error && error.name === NOT_FOUND) {
          return undefined;
        }
        throw error;
      }
    },
    describe: async (secretId) => {
      const { VersionIdsToStages, Tags } = await act('DescribeSecret', { SecretId: secretId });
      return { stages: stagesOf(VersionIdsToStages), tags: tagsOf(Tags) };
    },
    put: async (secretId, text, { id, stage }) => {
      await act('PutSecretValue', {
        SecretId: secretId,
        SecretString: text,
        ClientRequestToken: id,
        VersionStages: [stage],
      });
    },
    move: async (secretId, stage, { from, to }) => {
      await act('UpdateSecretVersionStage', {
        SecretId: secretId,
        VersionStage: stage,
        MoveToVersionId: to,
        ...(from !== undefined && { RemoveFromVersionId: from }),
      });
    },
  };
}
