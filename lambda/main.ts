import { readFileSync } from 'node:fs';
import { createSecretReader } from './aws/secrets-manager.ts';
import { startContainer } from './container.ts';
import type { Handler } from './handler.ts';

/** Where the function starts: what happens here happens once in the life of a container. */
const container = startContainer({
  environment: process.env,
  profilesJson: readFileSync(new URL('./profiles.json', import.meta.url), 'utf8'),
  createSecretReader,
});
await container.started;

export const handler: Handler = container.handler;
