import type { AwsJson } from '../aws/aws-json.ts';
import type { ClientSecretDocument } from './registration.ts';

/** Gives an EventBridge connection the secret that it shows from now on. @throws {Error} by AWS's name for what failed */
export type UpdateConnection = (connection: string, client: ClientSecretDocument) => Promise<void>;

/**
 * Returns what updates a connection. It sends the whole definition, as the stack has it, so that nothing that was changed
 * beside the stack decides where the secret goes.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_UpdateConnection.html
 */
export function createConnectionUpdate(tokenUrl: string, call: AwsJson): UpdateConnection {
  return async (connection, { client_id, client_secret }) => {
    await call({
      service: 'events',
      target: 'AWSEvents.UpdateConnection',
      input: {
        Name: connection,
        AuthorizationType: 'OAUTH_CLIENT_CREDENTIALS',
        AuthParameters: {
          OAuthParameters: {
            AuthorizationEndpoint: tokenUrl,
            HttpMethod: 'POST',
            ClientParameters: { ClientID: client_id, ClientSecret: client_secret },
            OAuthHttpParameters: {
              BodyParameters: [{ Key: 'grant_type', Value: 'client_credentials', IsValueSecret: false }],
            },
          },
        },
      },
    });
  };
}
