import { readFileSync } from 'node:fs';
import { startContainer } from './container.ts';
import type { Handler } from './handler.ts';

/** Where the function starts: what happens here happens once in the life of a container. */
const profiles = readFileSync(new URL('./profiles.json', import.meta.url), 'utf8');
const container = startContainer(process.env, profiles);
await container.started;

export const handler: Handler = container.handler;
