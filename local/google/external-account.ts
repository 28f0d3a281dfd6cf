import type { JsonObject } from './json-object.ts';

export type ExternalAccountOptions = {
  /** The e-mail of the account to impersonate. @default none: the federated token is used as it is */
  readonly serviceAccount?: string;
  /** `token_lifetime_seconds` of the impersonation. @default not written: an hour */
  readonly lifetimeSeconds?: number;
  /** @default what gcloud writes for AWS */
  readonly credentialSource?: JsonObject;
};

/**
 * An `external_account` document, as `gcloud iam workload-identity-pools create-cred-config` writes it. There is no secret
 * in it.
 *
 * @see https://google.aip.dev/auth/4117
 */
export type ExternalAccount = {
  readonly universe_domain: 'googleapis.com';
  readonly type: 'external_account';
  readonly audience: string;
  readonly subject_token_type: string;
  readonly token_url: string;
  readonly credential_source: JsonObject;
  readonly service_account_impersonation_url?: string;
  readonly service_account_impersonation?: { readonly token_lifetime_seconds: number };
};

const METADATA = 'http://169.254.169.254/latest/meta-data';
const AWS_SOURCE = {
  environment_id: 'aws1',
  region_url: `${METADATA}/placement/availability-zone`,
  url: `${METADATA}/iam/security-credentials`,
  regional_cred_verification_url:
    'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
} as const;

/** The provider that a document is for, and the origin of the stand-in that its URLs point at. */
export type ExternalAccountContext = {
  readonly audience: string;
  readonly subjectTokenType: string;
  readonly origin: string;
};

/** Returns the URL at which an account's access tokens are had by impersonation. */
export function impersonationUrl(origin: string, email: string): string {
  return `${origin}/v1/projects/-/serviceAccounts/${email}:generateAccessToken`;
}

/** Returns the document for a provider, with every URL of Google's pointing at the stand-in. */
export function createExternalAccount(
  { audience, subjectTokenType, origin }: ExternalAccountContext,
  { serviceAccount, lifetimeSeconds, credentialSource = AWS_SOURCE }: ExternalAccountOptions,
): ExternalAccount {
  return {
    universe_domain: 'googleapis.com',
    type: 'external_account',
    audience,
    subject_token_type: subjectTokenType,
    token_url: `${origin}/v1/token`,
    credential_source: credentialSource,
    ...(serviceAccount === undefined
      ? {}
      : { service_account_impersonation_url: impersonationUrl(origin, serviceAccount) }),
    ...(lifetimeSeconds === undefined
      ? {}
      : { service_account_impersonation: { token_lifetime_seconds: lifetimeSeconds } }),
  };
}
