import { readFileSync } from 'node:fs';
import { startContainer } from './container.ts';
import { VendError } from './errors.ts';
import type { Handler } from './handler.ts';

/**
 * Where the function starts if none of its credentials is in a secret: without the client for Secrets Manager, which is
 * half of what there is to load.
 */
const container = startContainer({
  environment: process.env,
  profilesJson: readFileSync(new URL('./profiles.json', import.meta.url), 'utf8'),
  createSecretReader: () => async (secretId) => {
    throw new VendError(
      'credential_invalid',
      `The secret ${secretId} cannot be read: the function was deployed without a credential in a secret. Deploy the stack again.`,
    );
  },
});
await container.started;

export const handler: Handler = container.handler;
