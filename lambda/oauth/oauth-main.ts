import { awsOfEnvironment } from '../aws/aws-environment.ts';
import { createAwsJson } from '../aws/aws-json.ts';
import { createInvokeFunction } from '../aws/invoke-function.ts';
import { createSecretVersions } from '../aws/secret-versions.ts';
import { createClock } from '../google/clock.ts';
import { createNetwork } from '../google/post.ts';
import type { Handler } from '../handler.ts';
import { createClientAuthentication } from './authenticate-client.ts';
import { createClientRegistries } from './client-registries.ts';
import { createOAuthAudit } from './oauth-audit.ts';
import { parseClients } from './oauth-clients.ts';
import { createOAuthHandler } from './oauth-handler.ts';
import { createVendToClient } from './vend-to-client.ts';

/** Where the function of `POST /oauth/token` starts. It has no credential of Google's, and knows no secret of a client. */
const { env } = process;
const { post } = createNetwork();
const clock = createClock();
const aws = awsOfEnvironment(env);
const clients = parseClients(env.CLIENTS ?? '', env.SECRETS ?? '');
const call = createAwsJson({
  aws,
  post,
  clock,
  urls: { secretsmanager: env.AWS_ENDPOINT_URL_SECRETS_MANAGER ?? env.AWS_ENDPOINT_URL },
});

export const handler: Handler = createOAuthHandler({
  clients,
  authenticate: createClientAuthentication({
    clients,
    registries: createClientRegistries({ secrets: createSecretVersions(call), clock }),
  }),
  vend: createVendToClient(env.VENDOR_FUNCTION ?? '', createInvokeFunction({ aws, post, clock })),
  clock,
  audit: createOAuthAudit({
    serviceName: env.AWS_LAMBDA_FUNCTION_NAME ?? '',
    write: (line) => process.stdout.write(line),
  }),
});
