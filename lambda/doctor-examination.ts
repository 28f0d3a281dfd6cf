import { hash } from 'node:crypto';
import type { Aws } from './aws-environment.ts';
import type { CredentialLocation } from './credential-store.ts';
import type { Check } from './doctor-answer.ts';
import { type Chain, createChain, type Finding } from './doctor-chain.ts';
import { type WatchedClock, watchClock } from './doctor-clock.ts';
import { describeDocument, expectedLinks, readFields } from './doctor-plan.ts';
import type { Wanted } from './doctor-request.ts';
import { watchSource } from './doctor-watch.ts';
import { asVendError, VendError } from './errors.ts';
import { createExchange } from './exchange.ts';
import type { Network } from './post.ts';
import type { ReadSecret } from './secrets-manager.ts';
import { openTokenSource, type SourceResult, type TokenSource } from './token-source.ts';
import type { Grant, Token } from './types.ts';

/** What an examination goes through: the vendor's own ways to the world, and nothing that the vendor keeps. */
export type ExaminationDependencies = {
  readonly locations: ReadonlyMap<string, CredentialLocation>;
  readonly readSecret: ReadSecret;
  readonly network: Network;
  readonly aws: Aws;
  readonly now: () => number;
  readonly random: () => number;
  /** Told of what no link can tell. */
  readonly onUnexpected: (error: unknown) => void;
  /**
   * How a place that is read for a document is called.
   * @default - `secret NAME`
   */
  readonly holderOf?: (secretId: string) => string;
};

/** A check, and the token that came of it by what a log may have of it. */
export type Examined = {
  readonly check: Check;
  readonly token?: { readonly principal: string | undefined; readonly sha256: string };
};

type Text = { readonly text: string; readonly holder: string };

/** Kept back from a source's time, so that it can still say itself that it was not enough. */
const SOURCE_MARGIN_MS = 250;
const FINGERPRINT_LENGTH = 16;

function ok(detail: string): Finding {
  return { outcome: 'ok', detail };
}

function locationOf(name: string, locations: ExaminationDependencies['locations']): CredentialLocation {
  const location = locations.get(name);
  if (location === undefined) {
    throw new VendError(
      'credential_invalid',
      `There is no credential named ${name}; deploy the stack with it.`,
    );
  }
  return location;
}

/** Past the vendor's store, so that what is in the secret now is what is examined. */
async function readText(name: string, chain: Chain, dependencies: ExaminationDependencies): Promise<Text> {
  const { locations, readSecret, holderOf = (secretId) => `secret ${secretId}` } = dependencies;
  const location = locations.get(name);
  if (location !== undefined && 'document' in location) {
    chain.note('secret', ok('none: the document came with the function'));
    return { text: JSON.stringify(location.document), holder: `document given as the credential ${name}` };
  }
  const read = async () => {
    const found = locationOf(name, locations);
    const secretId = 'secret' in found ? found.secret : name;
    const { text, versionId } = await readSecret(secretId);
    return { text, versionId, holder: holderOf(secretId) };
  };
  return await chain.run('secret', read, ({ versionId, holder }) =>
    ok(`the ${holder} was read anew, version ${versionId}`),
  );
}

/** What is asked with the wrong time is asked again with the right one, as the vendor does. */
async function askWithRightTime(
  ask: () => Promise<SourceResult>,
  chain: Chain,
  { clock }: WatchedClock,
): Promise<SourceResult> {
  const offsetMs = clock.offsetMs();
  const result = await ask();
  if (result.outcome === 'granted' || result.refusal.cause !== 'clock' || clock.offsetMs() === offsetMs) {
    return result;
  }
  chain.rewind();
  return await ask();
}

async function openSource(
  { text, holder }: Text,
  grant: Grant,
  chain: Chain,
  { clock }: WatchedClock,
  dependencies: ExaminationDependencies,
): Promise<TokenSource> {
  const { network, aws, random } = dependencies;
  const { post, connectAhead } = network;
  const exchange = createExchange({ post, clock, random });
  const sources = { post, aws, clock, connectAhead, ...watchSource(chain, { exchange, post, aws }) };
  const document = readFields(text);
  chain.expect(expectedLinks(document, grant));
  return await chain.run(
    'document',
    () => openTokenSource(text, holder, sources),
    () => ok(describeDocument(document)),
  );
}

function fingerprint({ value }: Token): string {
  return hash('sha256', value).slice(0, FINGERPRINT_LENGTH);
}

function describeToken(grant: Grant, token: Token, nowMs: number): string {
  const seconds = Math.floor((token.expiresAtMs - nowMs) / 1000);
  const what =
    grant.kind === 'access_token'
      ? `an access token for ${grant.scopes.replaceAll(' ', ', ')}`
      : `an ID token for ${grant.audience}`;
  const subject = grant.kind === 'access_token' && grant.subject !== undefined ? `, for ${grant.subject}` : '';
  const whose = token.principal === undefined ? '' : `, of ${token.principal}`;
  return `${what}${whose}${subject}; it lives for ${seconds} s more; SHA-256 ${fingerprint(token)}…`;
}

async function walk(
  grant: Grant,
  chain: Chain,
  watched: WatchedClock,
  dependencies: ExaminationDependencies,
  deadlineMs: number,
): Promise<Token | undefined> {
  const text = await readText(grant.credential, chain, dependencies);
  const source = await openSource(text, grant, chain, watched, dependencies);
  chain.rewind();
  const result = await askWithRightTime(
    () => source(grant, deadlineMs - SOURCE_MARGIN_MS),
    chain,
    watched,
  );
  if (result.outcome === 'refused') {
    chain.fail(result.refusal.explanation);
    return undefined;
  }
  return result.token;
}
