import { generateKeyPairSync } from 'node:crypto';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** The key that the vendor's assertions are signed with in tests. */
export const PRIVATE_KEY_PEM: string = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
export const PUBLIC_KEY = rsa.publicKey;

/** A key file as Google hands it out. */
export const KEY_FILE = {
  type: 'service_account',
  project_id: 'example-project',
  private_key_id: '0123456789abcdef0123456789abcdef01234567',
  private_key: PRIVATE_KEY_PEM,
  client_email: 'vendor@example-project.iam.gserviceaccount.com',
  client_id: '123456789012345678901',
  auth_uri: 'https://accounts.google.com/o/oauth2/auth',
  token_uri: 'https://oauth2.googleapis.com/token',
  auth_provider_x509_cert_url: 'https://www.googleapis.com/oauth2/v1/certs',
  client_x509_cert_url: 'https://www.googleapis.com/robot/v1/metadata/x509/vendor',
  universe_domain: 'googleapis.com',
} as const;

/** Returns the text of a key file in which `changes` were made; a field of `undefined` is left out. */
export function keyFile(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ ...KEY_FILE, ...changes }, null, 2);
}
