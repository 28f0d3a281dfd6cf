/** The service account of the documents. */
export const EMAIL = 'vendor@example-project.iam.gserviceaccount.com';
export const TARGET = 'reports@example-project.iam.gserviceaccount.com';
export const PROVIDER =
  '//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/aws/providers/token-vendor';

/** Returns the address at IAM Credentials that documents name a service account by. */
export function impersonationUrl(email: string): string {
  return `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${email}:generateAccessToken`;
}

/** What `gcloud iam workload-identity-pools create-cred-config PROVIDER --aws --service-account=EMAIL` writes. */
export const SIGNED_REQUEST = {
  universe_domain: 'googleapis.com',
  type: 'external_account',
  audience: PROVIDER,
  subject_token_type: 'urn:ietf:params:aws:token-type:aws4_request',
  token_url: 'https://sts.googleapis.com/v1/token',
  credential_source: {
    environment_id: 'aws1',
    region_url: 'http://169.254.169.254/latest/meta-data/placement/availability-zone',
    url: 'http://169.254.169.254/latest/meta-data/iam/security-credentials',
    regional_cred_verification_url:
      'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
  },
  service_account_impersonation_url: impersonationUrl(EMAIL),
};

/** What the function gets of {@link SIGNED_REQUEST}: it never asks the instance's metadata service. */
export const SIGNED_REQUEST_READ = {
  ...SIGNED_REQUEST,
  credential_source: {
    environment_id: SIGNED_REQUEST.credential_source.environment_id,
    regional_cred_verification_url: SIGNED_REQUEST.credential_source.regional_cred_verification_url,
  },
};

/** Federation by AWS's own OpenID Connect tokens. */
export const WEB_IDENTITY = {
  type: 'external_account',
  audience: PROVIDER,
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  credential_source: { aws_web_identity_token: {} },
  service_account_impersonation_url: impersonationUrl(EMAIL),
};

/** A service account whose key is yet to be made. */
export const KMS = { type: 'aws_kms', client_email: EMAIL };

export const KMS_KEY_ID = '1234abcd-12ab-34cd-56ef-1234567890ab';
export const KMS_KEY_ARN = `arn:aws:kms:eu-west-1:111122223333:key/${KMS_KEY_ID}`;

/** Returns a document that impersonates {@link TARGET} with another, `source`. */
export function impersonating(source: object, more: object = {}): Readonly<Record<string, unknown>> {
  return {
    type: 'impersonated_service_account',
    service_account_impersonation_url: impersonationUrl(TARGET),
    source_credentials: source,
    ...more,
  };
}

/** Profiles that have a credential's own tokens, or signatures of its account, and impersonate nobody themselves. */
export function itself(signs = false) {
  return [{ impersonate: undefined, signs }] as const;
}
