import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { JWT } from 'google-auth-library';

/**
 * The same job done with Google's and AWS's libraries, as their documentation has it: one client of each, kept between
 * invocations; an access token is cached by the library, an ID token is fetched each time.
 *
 * @see https://github.com/googleapis/google-cloud-node/tree/main/core/packages/google-auth-library-nodejs#json-web-tokens
 */
type PeerEvent = { readonly audience?: string };

const SCOPES = ['https://www.googleapis.com/auth/cloud-platform'];
const secrets = new SecretsManagerClient({});
let client: Promise<JWT> | undefined;

async function openClient(): Promise<JWT> {
  const { SecretString: text = '{}' } = await secrets.send(
    new GetSecretValueCommand({ SecretId: process.env.SECRET_ID }),
  );
  const key = JSON.parse(text) as { client_email: string; private_key: string; private_key_id: string };
  return new JWT({
    email: key.client_email,
    key: key.private_key,
    keyId: key.private_key_id,
    scopes: SCOPES,
  });
}

export async function handler({ audience }: PeerEvent): Promise<unknown> {
  client ??= openClient();
  const jwt = await client;
  if (audience !== undefined) {
    return { id_token: await jwt.fetchIdToken(audience), token_type: 'Bearer' };
  }
  const { token } = await jwt.getAccessToken();
  return { access_token: token, token_type: 'Bearer' };
}
