import './redirect.ts';
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { invocationContext } from './invocation-context.ts';

/**
 * What a Lambda container does from its start to its first answer, with the time of each step:
 *
 *     node runtime-program.mjs BUNDLE [EVENT]
 *
 * The built-ins are those that the runtime interface client (aws-lambda-ric 4.0) has loaded before it imports a handler.
 */
const RUNTIME_MODULES = ['path', 'fs', 'net', 'http', 'os', 'util', 'worker_threads', 'async_hooks'];
const RESULT_FD = 3;

type Handler = (event: unknown, context: unknown) => Promise<unknown>;

function now(): string {
  return process.hrtime.bigint().toString();
}

function demandToken(answer: unknown): void {
  const tokens = Object.entries(answer ?? {}).filter(([name]) => /^(?:access|id)_token$/.test(name));
  if (tokens.length !== 1 || typeof tokens[0]?.[1] !== 'string') {
    throw new Error('The handler answered without a token');
  }
}

const require = createRequire(import.meta.url);
for (const name of RUNTIME_MODULES) {
  require(`node:${name}`);
}

const [bundle = '', event] = process.argv.slice(2);
const importAt = now();
const { handler } = (await import(bundle)) as { handler: Handler };
const loadedAt = now();
let tokenAt: string | undefined;
if (event !== undefined) {
  demandToken(await handler(JSON.parse(event), invocationContext()));
  tokenAt = now();
}
writeSync(RESULT_FD, JSON.stringify({ importAt, loadedAt, tokenAt }));
process.exit(0);
