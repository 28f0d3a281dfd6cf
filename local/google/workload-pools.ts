import { type AwsIdentityOptions, verifyAwsSubject } from './aws-identity.ts';
import {
  createExternalAccount,
  type ExternalAccount,
  type ExternalAccountOptions,
} from './external-account.ts';
import type { JsonObject } from './json-object.ts';
import { createOidcVerifier, type OidcIdentityOptions } from './oidc-identity.ts';

const AWS_TOKEN_TYPE = 'urn:ietf:params:aws:token-type:aws4_request';
const JWT_TOKEN_TYPES = [
  'urn:ietf:params:oauth:token-type:jwt',
  'urn:ietf:params:oauth:token-type:id_token',
] as const;
const ASSUMED_ROLE = /^(arn:[^:]+:sts::\d{12}:assumed-role\/[^/]+)\/./;

/** Google's names for what the assertion says: `google.subject`, which has to be there, and `attribute.NAME`. */
export type Attributes = Readonly<Record<string, string>>;

export type ProviderOptions = {
  /** @default "aws" or "oidc" */
  readonly providerId?: string;
  /** In place of the CEL mapping. @default of AWS gcloud's: the ARN and `attribute.aws_role`; else `sub` */
  readonly attributeMapping?: (assertion: JsonObject) => Attributes;
  /** In place of the CEL condition. @default everybody */
  readonly attributeCondition?: (attributes: Attributes, assertion: JsonObject) => boolean;
};

/** A provider as its owner manages it. */
export type Provider = {
  /** Its resource name, `//iam.googleapis.com/projects/…/providers/…`, which STS takes for `audience`. */
  readonly audience: string;
  /** Returns the `external_account` document that gcloud would write for it. */
  readonly createCredential: (options?: ExternalAccountOptions) => ExternalAccount;
  readonly disable: () => void;
};

/** A provider as STS knows it. */
export type ProviderRecord = {
  readonly audience: string;
  /** Its pool's `iam.googleapis.com/projects/…/workloadIdentityPools/…`. */
  readonly pool: string;
  readonly subjectTokenTypes: readonly string[];
  /** Returns the verified assertion. @throws {StsRefusal} */
  readonly verify: (subjectToken: string) => Promise<JsonObject>;
  readonly attributeMapping: (assertion: JsonObject) => Attributes;
  readonly attributeCondition: (attributes: Attributes, assertion: JsonObject) => boolean;
  isDisabled: boolean;
};

export type PoolOptions = {
  /** @default "123456789012" */
  readonly projectNumber?: string;
  /** @default "workloads" */
  readonly poolId?: string;
};

/** A workload identity pool. */
export type Pool = {
  readonly createAwsProvider: (options: AwsIdentityOptions & ProviderOptions) => Provider;
  readonly createOidcProvider: (options: OidcIdentityOptions & ProviderOptions) => Provider;
  /** Returns the member that is one subject, `principal://…`. */
  readonly subject: (subject: string) => string;
  /** Returns the members that share an attribute, `principalSet://…/attribute.NAME/VALUE`. */
  readonly attribute: (name: string, value: string) => string;
  /** All the pool's members, `principalSet://…/*`. */
  readonly everyone: string;
};

export type WorkloadPools = {
  readonly create: (options?: PoolOptions) => Pool;
  /** Returns the provider of that resource name that is in use. */
  readonly find: (audience: string) => ProviderRecord | undefined;
};

function mapAws({ arn, account }: JsonObject): Attributes {
  const role = ASSUMED_ROLE.exec(String(arn))?.[1] ?? String(arn);
  return {
    'google.subject': String(arn),
    'attribute.aws_role': role,
    'attribute.account': String(account),
  };
}

function mapOidc({ sub }: JsonObject): Attributes {
  return { 'google.subject': typeof sub === 'string' ? sub : '' };
}

/**
 * Returns the names of a federated principal, its `principal://` first.
 *
 * @see https://cloud.google.com/iam/docs/principal-identifiers
 */
export function federatedMembers(pool: string, attributes: Attributes): readonly string[] {
  const sets = Object.entries(attributes)
    .filter(([name]) => name.startsWith('attribute.'))
    .map(([name, value]) => `principalSet://${pool}/${name}/${value}`);
  return [`principal://${pool}/subject/${attributes['google.subject']}`, ...sets, `principalSet://${pool}/*`];
}

/** Returns an empty registry of workload identity pools and their providers. */
export function createWorkloadPools(context: {
  readonly origin: () => string;
  readonly now: () => number;
}): WorkloadPools {
  const { origin, now } = context;
  const providers = new Map<string, ProviderRecord>();

  const register = (record: ProviderRecord): Provider => {
    const { audience, subjectTokenTypes } = record;
    if (providers.has(audience)) {
      throw new Error(`There is a provider ${audience} already: give another providerId`);
    }
    providers.set(audience, record);
    const subjectTokenType = subjectTokenTypes[0] ?? '';
    return {
      audience,
      createCredential: (options = {}) =>
        createExternalAccount({ audience, subjectTokenType, origin: origin() }, options),
      disable: () => {
        record.isDisabled = true;
      },
    };
  };

  const create = ({ projectNumber = '123456789012', poolId = 'workloads' }: PoolOptions = {}): Pool => {
    const pool = `iam.googleapis.com/projects/${projectNumber}/locations/global/workloadIdentityPools/${poolId}`;
    const common = (options: ProviderOptions, defaultId: string) => ({
      audience: `//${pool}/providers/${options.providerId ?? defaultId}`,
      pool,
      attributeCondition: options.attributeCondition ?? (() => true),
      isDisabled: false,
    });
    return {
      createAwsProvider: (options) => {
        const shared = common(options, 'aws');
        return register({
          ...shared,
          subjectTokenTypes: [AWS_TOKEN_TYPE],
          attributeMapping: options.attributeMapping ?? mapAws,
          verify: (token) => verifyAwsSubject(token, shared.audience, options),
        });
      },
      createOidcProvider: (options) => {
        const shared = common(options, 'oidc');
        const verify = createOidcVerifier(options, now);
        return register({
          ...shared,
          subjectTokenTypes: JWT_TOKEN_TYPES,
          attributeMapping: options.attributeMapping ?? mapOidc,
          verify: (token) => verify(token, shared.audience),
        });
      },
      subject: (subject) => `principal://${pool}/subject/${subject}`,
      attribute: (name, value) => `principalSet://${pool}/attribute.${name}/${value}`,
      everyone: `principalSet://${pool}/*`,
    };
  };

  return {
    create,
    find: (audience) => {
      const record = providers.get(audience);
      return record?.isDisabled === false ? record : undefined;
    },
  };
}
