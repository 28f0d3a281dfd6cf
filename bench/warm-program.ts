import './redirect.ts';
import { readFileSync, writeSync } from 'node:fs';
import type { Audit } from '../lambda/audit.ts';
import { parseProfiles } from '../lambda/policy/profiles.ts';
import { createVendor } from '../lambda/vendor.ts';
import { interleave } from './interleave.ts';
import { invocationContext } from './invocation-context.ts';
import { createRawExchange } from './raw-exchange.ts';

/**
 * What is measured in a container that has been running for a while:
 *
 *     node warm-program.mjs live-mint|warm-hit COUNT VENDOR PEER
 *     node warm-program.mjs callers COUNT BUNDLE
 */
type Handler = (event: unknown, context: unknown) => Promise<unknown>;
type Samples = Readonly<Record<string, readonly number[]>>;

const RESULT_FD = 3;
const AUDIENCE = 'https://europe-west1-example.cloudfunctions.net';
const SILENT: Audit = { record: () => {}, warn: () => {} };
/** A warm hit takes about as long as reading the clock does, so many are timed together. */
const HITS = 500;

const [mode = '', count = '', ...bundles] = process.argv.slice(2);
const rounds = Number(count);
const keyDocument = readFileSync(process.env.BENCH_KEY_FILE ?? '', 'utf8');
const context = invocationContext();

async function handlerOf(bundle = ''): Promise<Handler> {
  return ((await import(bundle)) as { handler: Handler }).handler;
}

/** The vendor as it is but for its log, whose lines are most of the work of a warm hit. */
function unloggedHandler(): Handler {
  const profiles = { default: { scopes: ['cloud-platform'], audiences: [`${AUDIENCE}/*`] } };
  const vendor = createVendor({
    profiles: parseProfiles(profiles),
    credentials: new Map([['default', { secret: 'bench' }]]),
    readSecret: async () => ({ text: keyDocument, versionId: '1' }),
    audit: SILENT,
  });
  return vendor.handler as Handler;
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** Each audience is a new grant, so that nothing comes from a cache. */
async function liveMint(): Promise<Samples> {
  const vendor = await handlerOf(bundles[0]);
  const peer = await handlerOf(bundles[1]);
  const raw = await createRawExchange(keyDocument);
  let grants = 0;
  const nextAudience = () => {
    grants += 1;
    return `${AUDIENCE}/f${grants}`;
  };
  const contenders = {
    vendor: () => timed(() => vendor({ audience: nextAudience() }, context)),
    raw: () => timed(() => raw(nextAudience())),
    peer: () => timed(() => peer({ audience: nextAudience() }, context)),
  };
  await interleave(Math.ceil(rounds / 4), contenders);
  return await interleave(rounds, contenders);
}

async function warmHit(): Promise<Samples> {
  const handlers = {
    vendor: await handlerOf(bundles[0]),
    unlogged: unloggedHandler(),
    bare: async () => ({ access_token: 'token' }),
    peer: await handlerOf(bundles[1]),
  };
  const hits = (handler: Handler) => async () => {
    const start = performance.now();
    for (let hit = 0; hit < HITS; hit += 1) {
      await handler({}, context);
    }
    return ((performance.now() - start) / HITS) * 1000;
  };
  const contenders = {
    vendor: hits(handlers.vendor),
    unlogged: hits(handlers.unlogged),
    bare: hits(handlers.bare),
    peer: hits(handlers.peer),
  };
  await interleave(Math.ceil(rounds / 4), contenders);
  return await interleave(rounds, contenders);
}

async function callers(): Promise<Samples> {
  const handler = await handlerOf(bundles[0]);
  const ask = () => handler({ audience: `${AUDIENCE}/hello` }, context);
  return { ms: [await timed(() => Promise.all(Array.from({ length: rounds }, ask)))] };
}

const modes: Readonly<Record<string, () => Promise<Samples>>> = {
  'live-mint': liveMint,
  'warm-hit': warmHit,
  callers,
};
const run = modes[mode];
if (run === undefined) {
  throw new Error(`There is no mode ${mode}`);
}
writeSync(RESULT_FD, JSON.stringify(await run()));
process.exit(0);
