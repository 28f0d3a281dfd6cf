import type { RsaKey } from './rsa-key.ts';

/**
 * A service-account key file, field for field and in the order in which Google hands it out.
 *
 * @see https://cloud.google.com/iam/docs/keys-create-delete#creating
 */
export type KeyFile = {
  readonly type: 'service_account';
  readonly project_id: string;
  readonly private_key_id: string;
  /** PKCS#8, PEM. */
  readonly private_key: string;
  readonly client_email: string;
  readonly client_id: string;
  readonly auth_uri: string;
  readonly token_uri: string;
  readonly auth_provider_x509_cert_url: string;
  readonly client_x509_cert_url: string;
  readonly universe_domain: 'googleapis.com';
};

/** Whom a key belongs to. */
export type KeyOwner = { readonly email: string; readonly projectId: string; readonly uniqueId: string };

/** Returns the key file for `key`, with every URL that a client calls pointing at the stand-in at `origin`. */
export function createKeyFile(owner: KeyOwner, key: RsaKey, origin: string): KeyFile {
  return {
    type: 'service_account',
    project_id: owner.projectId,
    private_key_id: key.keyId,
    private_key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    client_email: owner.email,
    client_id: owner.uniqueId,
    auth_uri: 'https://accounts.google.com/o/oauth2/auth',
    token_uri: `${origin}/token`,
    auth_provider_x509_cert_url: `${origin}/oauth2/v1/certs`,
    client_x509_cert_url: `${origin}/robot/v1/metadata/x509/${encodeURIComponent(owner.email)}`,
    universe_domain: 'googleapis.com',
  };
}
