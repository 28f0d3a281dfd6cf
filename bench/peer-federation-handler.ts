import { AwsClient } from 'google-auth-library';

/**
 * The same job as the vendor's with federation, done with Google's library as its documentation has it: the client of the
 * document, which finds AWS's credentials in the environment, and impersonates the account that the document names. It
 * gives no ID token.
 *
 * @see https://github.com/googleapis/google-cloud-node/tree/main/core/packages/google-auth-library-nodejs#workload-identity-federation
 */
let client: AwsClient | undefined;

export async function handler(): Promise<unknown> {
  client ??= new AwsClient({
    ...JSON.parse(process.env.FEDERATION_DOCUMENT ?? '{}'),
    scopes: ['https://www.googleapis.com/auth/cloud-platform'],
  });
  const { token } = await client.getAccessToken();
  return { access_token: token, token_type: 'Bearer' };
}
