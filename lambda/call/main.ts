import { readFileSync } from 'node:fs';
import type { Handler } from '../handler.ts';
import { startCaller } from './caller.ts';

/** Where the function of `callTask` starts: what happens here happens once in the life of a container. */
export const handler: Handler = startCaller({
  environment: process.env,
  profilesJson: readFileSync(new URL('./profiles.json', import.meta.url), 'utf8'),
});
