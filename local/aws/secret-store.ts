import { randomBytes, randomUUID } from 'node:crypto';
import type { JsonFault } from './json-fault.ts';

/** What a version of a secret holds: text, or bytes. */
export type SecretValue = { readonly string: string } | { readonly binary: Uint8Array };

/** A refusal by the name that Secrets Manager has for it. */
export type SecretFault = JsonFault<
  | 'InvalidParameterException'
  | 'InvalidRequestException'
  | 'ResourceExistsException'
  | 'ResourceNotFoundException'
>;

export type SecretVersion = {
  readonly id: string;
  /** Not there yet where a rotation has only begun. */
  value: SecretValue | undefined;
  readonly createdMs: number;
  readonly stages: Set<string>;
};

export type Secret = {
  readonly arn: string;
  readonly name: string;
  readonly createdMs: number;
  changedMs: number;
  deletedMs: number | undefined;
  /** Names and values. */
  readonly tags: Map<string, string>;
  readonly versions: Map<string, SecretVersion>;
};

/** Which version of a secret is meant; with neither, the current one. */
export type VersionSelector = { readonly id?: string | undefined; readonly stage?: string | undefined };

/** How a staging label moves; `undefined` where the label is not to be attached, or is attached nowhere. */
export type StageMove = {
  readonly stage: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
};

export type SecretStore = {
  /** Finds by name, ARN, or ARN without its six random characters; also secrets marked for deletion. */
  readonly find: (secretId: string) => Secret | SecretFault;
  /** Makes a secret, with a first version if there is a value; with neither, if the value is refused. */
  readonly create: (name: string, value?: SecretValue, versionId?: string) => Secret | SecretFault;
  /** Adds a version; `AWSCURRENT` moves as it does for a rotation. With an id that is taken, only the same value again. */
  readonly put: (
    secret: Secret,
    value: SecretValue,
    options?: { readonly id?: string | undefined; readonly stages?: readonly string[] | undefined },
  ) => SecretVersion | SecretFault;
  /** Begins a rotation: a version without a value, which is `AWSPENDING`. Returns its id. */
  readonly begin: (secret: Secret) => string;
  readonly select: (secret: Secret, selector: VersionSelector) => SecretVersion | SecretFault;
  readonly move: (secret: Secret, move: StageMove) => SecretFault | undefined;
  readonly remove: (secret: Secret) => void;
};

export type SecretStoreOptions = {
  readonly region: string;
  readonly accountId: string;
  readonly now: () => number;
};

const CURRENT = 'AWSCURRENT';
const PREVIOUS = 'AWSPREVIOUS';
const PENDING = 'AWSPENDING';
const NAME = /^[A-Za-z0-9/_+=.@-]{1,512}$/;
const MAX_VALUE_BYTES = 65_536;

function fault(name: SecretFault['fault'], message: string): SecretFault {
  return { fault: name, message };
}

function bytesOf(value: SecretValue): Buffer {
  return 'string' in value ? Buffer.from(value.string) : Buffer.from(value.binary);
}

function sizeFault(value: SecretValue): SecretFault | undefined {
  const size = bytesOf(value).length;
  return size > 0 && size <= MAX_VALUE_BYTES
    ? undefined
    : fault('InvalidParameterException', `A secret's value must have 1 to ${MAX_VALUE_BYTES} bytes.`);
}

function isSame(left: SecretValue, right: SecretValue): boolean {
  return 'string' in left === 'string' in right && bytesOf(left).equals(bytesOf(right));
}

function holderOf(secret: Secret, stage: string): SecretVersion | undefined {
  return [...secret.versions.values()].find((version) => version.stages.has(stage));
}

function detach(secret: Secret, stage: string): void {
  holderOf(secret, stage)?.stages.delete(stage);
}

/** A label is on one version at the most; where `AWSCURRENT` leaves, `AWSPREVIOUS` follows. */
function attach(secret: Secret, stage: string, version: SecretVersion): void {
  const holder = holderOf(secret, stage);
  holder?.stages.delete(stage);
  if (stage === CURRENT && holder !== undefined && holder !== version) {
    detach(secret, PREVIOUS);
    holder.stages.add(PREVIOUS);
  }
  version.stages.add(stage);
}

function notFound(what: string): SecretFault {
  return fault('ResourceNotFoundException', `Secrets Manager can't find the specified secret${what}`);
}

function selectVersion(secret: Secret, { id, stage }: VersionSelector): SecretVersion | SecretFault {
  if (id === undefined) {
    const label = stage ?? CURRENT;
    return holderOf(secret, label) ?? notFound(` value for staging label: ${label}`);
  }
  const version = secret.versions.get(id);
  if (version === undefined) {
    return notFound(` value for VersionId: ${id}`);
  }
  return stage === undefined || version.stages.has(stage)
    ? version
    : fault(
        'InvalidRequestException',
        'You provided a VersionStage that is not associated to the provided VersionId.',
      );
}

function moveStage(secret: Secret, { stage, from, to }: StageMove): SecretFault | undefined {
  const holder = holderOf(secret, stage);
  if (holder !== undefined && holder.id !== from && holder.id !== to) {
    return fault(
      'InvalidParameterException',
      `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${holder.id}, so you must explicitly reference that version in RemoveFromVersionId.`,
    );
  }
  if (from !== undefined && holder?.id !== from) {
    return fault(
      'InvalidParameterException',
      `Staging label ${stage} is not attached to version ${from} (RemoveFromVersionId).`,
    );
  }
  if (to === undefined) {
    detach(secret, stage);
    return undefined;
  }
  const target = secret.versions.get(to);
  if (target === undefined) {
    return notFound(` value for VersionId: ${to}`);
  }
  attach(secret, stage, target);
  return undefined;
}

/**
 * Returns secrets kept in memory, with versions and staging labels that behave as those of Secrets Manager.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version
 */
export function createSecretStore({ region, accountId, now }: SecretStoreOptions): SecretStore {
  const secrets = new Map<string, Secret>();

  function find(secretId: string): Secret | SecretFault {
    const byArn = [...secrets.values()].find(({ arn }) => arn === secretId || arn.slice(0, -7) === secretId);
    return secrets.get(secretId) ?? byArn ?? notFound('.');
  }

  function create(name: string, value?: SecretValue, versionId?: string): Secret | SecretFault {
    if (!NAME.test(name)) {
      return fault(
        'InvalidParameterException',
        'Invalid name. Must be a valid name containing 1-512 characters.',
      );
    }
    if (secrets.has(name)) {
      return fault(
        'ResourceExistsException',
        `The operation failed because the secret ${name} already exists.`,
      );
    }
    const valueFault = value === undefined ? undefined : sizeFault(value);
    if (valueFault !== undefined) {
      return valueFault;
    }
    const suffix = randomBytes(3).toString('hex');
    const arn = `arn:aws:secretsmanager:${region}:${accountId}:secret:${name}-${suffix}`;
    const secret = {
      arn,
      name,
      createdMs: now(),
      changedMs: now(),
      deletedMs: undefined,
      tags: new Map<string, string>(),
      versions: new Map(),
    };
    secrets.set(name, secret);
    if (value !== undefined) {
      put(secret, value, { id: versionId });
    }
    return secret;
  }

  const put: SecretStore['put'] = (secret, value, { id = randomUUID(), stages = [CURRENT] } = {}) => {
    const tooMuch = sizeFault(value);
    if (tooMuch !== undefined) {
      return tooMuch;
    }
    const earlier = secret.versions.get(id);
    if (earlier !== undefined && earlier.value === undefined) {
      earlier.value = value;
      return earlier;
    }
    if (earlier?.value !== undefined) {
      return isSame(earlier.value, value)
        ? earlier
        : fault(
            'ResourceExistsException',
            `You can't modify an existing version, you can only create a new version: ${id}.`,
          );
    }
    const version: SecretVersion = { id, value, createdMs: now(), stages: new Set() };
    secret.versions.set(id, version);
    for (const stage of stages) {
      attach(secret, stage, version);
    }
    secret.changedMs = now();
    return version;
  };

  return {
    find,
    create,
    put,
    begin: (secret) => {
      const version: SecretVersion = {
        id: randomUUID(),
        value: undefined,
        createdMs: now(),
        stages: new Set(),
      };
      secret.versions.set(version.id, version);
      attach(secret, PENDING, version);
      return version.id;
    },
    select: selectVersion,
    move: (secret, move) => {
      secret.changedMs = now();
      return moveStage(secret, move);
    },
    remove: (secret) => {
      secret.deletedMs = now();
    },
  };
}
