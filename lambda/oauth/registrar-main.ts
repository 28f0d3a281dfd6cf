import { awsOfEnvironment } from '../aws/aws-environment.ts';
import { createAwsJson } from '../aws/aws-json.ts';
import { createSecretVersions } from '../aws/secret-versions.ts';
import { fieldsOf } from '../fields.ts';
import { createClock } from '../google/clock.ts';
import { createNetwork } from '../google/post.ts';
import { createConnectionUpdate } from './connection-secret.ts';
import { registerClient } from './registration.ts';
import { createRegistrationRequests } from './registration-request.ts';
import { createRotation } from './rotation.ts';
import { createTokenProbe } from './token-probe.ts';

/** Where the registrar starts: CloudFormation has it register clients, and Secrets Manager has it rotate their secrets. */
const { env } = process;
const { post } = createNetwork();
const tokenUrl = env.TOKEN_URL ?? '';
const call = createAwsJson({
  aws: awsOfEnvironment(env),
  post,
  clock: createClock(),
  urls: {
    secretsmanager: env.AWS_ENDPOINT_URL_SECRETS_MANAGER ?? env.AWS_ENDPOINT_URL,
    events: env.AWS_ENDPOINT_URL_EVENTBRIDGE ?? env.AWS_ENDPOINT_URL,
  },
});
const secrets = createSecretVersions(call);
const rotate = createRotation({
  secrets,
  updateConnection: createConnectionUpdate(tokenUrl, call),
  probe: createTokenProbe({ tokenUrl, post }),
});
const serveCloudFormation = createRegistrationRequests({
  register: (secretId) => registerClient(secrets, secretId),
});

export const handler = async (event: unknown): Promise<void> =>
  'RequestType' in fieldsOf(event) ? serveCloudFormation(event) : rotate(event);
