import { readFileSync } from 'node:fs';
import { createAudit } from './audit.ts';
import { parseConfig } from './config.ts';
import type { Handler } from './handler.ts';
import { createNetwork } from './post.ts';
import { parseProfiles } from './profiles.ts';
import { createSecretReader } from './secrets-manager.ts';
import { createVendor } from './vendor.ts';

/**
 * Where the function starts: what happens here happens once in the life of a container. The secret is read and the
 * connection to Google is opened at once and not awaited, so that both are done by the time of the first request.
 */
const TOKEN_HOST = 'oauth2.googleapis.com';

const config = parseConfig(process.env);
const network = createNetwork();

if (!config.frozenAfterStart) {
  // Behind the secret's request, which is what the first token waits for longest: 5 % sooner, and the bundle loads 15 %
  // faster (npm run bench). The network has both under way before the first request is there.
  setImmediate(() => network.connectAhead(TOKEN_HOST));
}

const vendor = createVendor({
  profiles: parseProfiles(JSON.parse(readFileSync(new URL('./profiles.json', import.meta.url), 'utf8'))),
  credentials: config.credentials,
  readSecret: createSecretReader({ credentials: environmentCredentials }),
  audit: createAudit({ serviceName: config.functionName }),
  network,
});

const warm = vendor.warmUp();
if (config.frozenAfterStart) {
  await warm;
}

/** Lambda's own credentials; the SDK's chain of other places to look in would only make the bundle larger. */
async function environmentCredentials() {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  if (AWS_ACCESS_KEY_ID === undefined || AWS_SECRET_ACCESS_KEY === undefined) {
    throw new Error('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are missing from the environment');
  }
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...(AWS_SESSION_TOKEN === undefined ? {} : { sessionToken: AWS_SESSION_TOKEN }),
  };
}

export const handler: Handler = vendor.handler;
