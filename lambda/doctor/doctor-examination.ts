import type { Aws } from '../aws/aws-environment.ts';
import type { SourceDependencies, SourceResult } from '../credentials/token-source.ts';
import { asVendError, VendError } from '../errors.ts';
import { createExchange } from '../google/exchange.ts';
import type { Network } from '../google/post.ts';
import { fingerprintOf } from '../token-fingerprint.ts';
import type { Grant, Token } from '../types.ts';
import type { Check } from './doctor-answer.ts';
import { type Chain, createChain } from './doctor-chain.ts';
import { type WatchedClock, watchClock } from './doctor-clock.ts';
import { type CredentialPlaces, openDocument, readDocument } from './doctor-credential.ts';
import type { Wanted } from './doctor-request.ts';
import { watchSource } from './doctor-watch.ts';

/** What an examination goes through: the vendor's own ways to the world, and nothing that the vendor keeps. */
export type ExaminationDependencies = CredentialPlaces & {
  readonly network: Network;
  readonly aws: Aws;
  readonly allowsStandIns: boolean;
  readonly now: () => number;
  readonly random: () => number;
  /** Told of an error that is no refusal and no failure that anybody foresaw. */
  readonly onUnexpected: (error: unknown) => void;
};

/** A check, and what a log may have of the token that came of it. */
export type Examined = {
  readonly check: Check;
  readonly token: { readonly principal: string | undefined; readonly sha256: string } | undefined;
};

type Walk = { readonly grant: Grant; readonly chain: Chain; readonly watched: WatchedClock };

/** Kept back from a source's time, so that it can still say itself that it was not enough. */
const SOURCE_MARGIN_MS = 250;
const TIME_IS_UP =
  'the time that there was for it ended before it did. Examine one profile alone, or try again.';

function sourcesFor(
  { chain, watched }: Walk,
  { network, aws, allowsStandIns, random }: ExaminationDependencies,
): SourceDependencies {
  const { post, connectAhead } = network;
  const exchange = createExchange({ post, clock: watched.shownBy('Google'), random });
  const watchers = watchSource(chain, { exchange, post, aws });
  return { post, aws, clock: watched.shownBy('AWS'), connectAhead, allowsStandIns, ...watchers };
}

/** What was asked with the wrong time is asked again with the right one, as the vendor does. */
async function askWithRightTime(
  ask: () => Promise<SourceResult>,
  { chain, watched }: Walk,
): Promise<SourceResult> {
  const clock = watched.shownBy('Google');
  const offsetMs = clock.offsetMs();
  const result = await ask();
  const isCorrected = clock.offsetMs() !== offsetMs;
  if (result.outcome === 'granted' || result.refusal.cause !== 'clock' || !isCorrected) {
    return result;
  }
  chain.rewind();
  return await ask();
}

async function walk(
  way: Walk,
  dependencies: ExaminationDependencies,
  deadlineMs: number,
): Promise<SourceResult> {
  const { grant, chain } = way;
  const document = await readDocument(grant.credential, chain, dependencies);
  const source = await openDocument(document, way, sourcesFor(way, dependencies));
  return await askWithRightTime(() => source(grant, deadlineMs - SOURCE_MARGIN_MS), way);
}

/** @throws {VendError} `timeout` if the time is over before the work is */
async function within<Result>(timeMs: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new VendError('timeout', TIME_IS_UP)), Math.max(0, timeMs));
  });
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whatever ends a walk is found on the chain; the token is all that is left of it. */
async function tokenOf(
  way: Walk,
  dependencies: ExaminationDependencies,
  deadlineMs: number,
): Promise<Token | undefined> {
  try {
    const timeMs = deadlineMs - dependencies.now();
    const result = await within(timeMs, walk(way, dependencies, deadlineMs));
    if (result.outcome === 'granted') {
      return result.token;
    }
    way.chain.fail(result.refusal.explanation);
  } catch (error) {
    if (!(error instanceof VendError)) {
      dependencies.onUnexpected(error);
    }
    way.chain.fail(asVendError(error).message);
  }
  return undefined;
}

/** Tells tokens apart in a log, where the audit has it too, and is of no use to anybody who would use one. */
function whatFor(grant: Grant): string {
  if (grant.kind === 'id_token') {
    return `ID token for ${grant.audience}`;
  }
  const subject = grant.subject === undefined ? '' : `, acting for ${grant.subject}`;
  return `access token for ${grant.scopes.replaceAll(' ', ', ')}${subject}`;
}

function describeToken(grant: Grant, token: Token, nowMs: number): string {
  const whose = token.principal ?? 'an identity that Google does not name';
  const seconds = Math.floor((token.expiresAtMs - nowMs) / 1000);
  return `${whatFor(grant)}, of ${whose}; ${seconds} s left; SHA-256 begins ${fingerprintOf(token)}`;
}

/** Returns what is found of one grant before `deadlineMs`, whatever happens. */
export async function examine(
  wanted: Wanted,
  dependencies: ExaminationDependencies,
  deadlineMs: number,
): Promise<Examined> {
  const { profile, credential, asks } = wanted;
  if ('skipped' in wanted) {
    const links = [{ link: 'first token', outcome: 'skipped', detail: wanted.skipped }] as const;
    return { check: { profile, credential, asks, ok: true, skipped: true, links }, token: undefined };
  }
  const { grant } = wanted;
  const chain = createChain(dependencies.now);
  const watched = watchClock(dependencies.now);
  const token = await tokenOf({ grant, chain, watched }, dependencies, deadlineMs);
  const clockFinding = watched.finding();
  if (clockFinding !== undefined) {
    chain.note('clock', clockFinding);
  }
  if (token !== undefined) {
    const detail = describeToken(grant, token, watched.shownBy('Google').googleMs());
    chain.note('first token', { outcome: 'ok', detail });
  }
  const links = chain.links();
  const isOk = links.every(({ outcome }) => outcome !== 'failed');
  return {
    check: { profile, credential, asks, ok: isOk, links },
    token: token && { principal: token.principal, sha256: fingerprintOf(token) },
  };
}
