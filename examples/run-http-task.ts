import { createLocalConnection } from '../local/aws/connection.ts';
import { createHttpTask } from '../local/aws/http-task.ts';
import type { TaskHandler } from '../local/aws/state-machine.ts';
import type { Here } from './here.ts';

/** Returns what runs an HTTP task, over a connection whose OAuth client is one of the local vendor's. */
export function httpTask({ vendor, google }: Here): TaskHandler {
  const [client] = vendor.oauthClients;
  const connection = createLocalConnection({
    authorization: () => ({
      AuthorizationEndpoint: `${vendor.url}/oauth/token`,
      HttpMethod: 'POST',
      ClientParameters: { ClientID: client?.id ?? '', ClientSecret: client?.secret ?? '' },
      OAuthHttpParameters: { BodyParameters: [{ Key: 'grant_type', Value: 'client_credentials' }] },
    }),
  });
  return createHttpTask({ connection: () => connection, locate: () => new URL(google.functionUrl) });
}
