import type { Credential, CredentialStore } from './credentials/credential-store.ts';
import type { SourceResult } from './credentials/token-source.ts';
import { VendError } from './errors.ts';
import type { Clock } from './google/clock.ts';
import type { RefusalCause } from './google/google-refusal.ts';
import type { Grant, Minter, Vended } from './types.ts';

export type MinterDependencies = { readonly credentials: CredentialStore; readonly clock: Clock };

/** A credential that Google has just rejected, whatever it was asked for. */
type Rejection = { readonly credential: Credential; readonly result: SourceResult; readonly atMs: number };

const REJECTION_MEMORY_MS = 5_000;

/** What a newer version of the credential may mend. */
const OUTDATED: ReadonlySet<RefusalCause> = new Set(['outdated_credential', 'outdated_login']);

/** The end of an invocation is kept for its answer. */
const ANSWER_MARGIN_MS = 500;

function refused(result: Extract<SourceResult, { outcome: 'refused' }>): VendError {
  return new VendError('google_refused', result.refusal.explanation);
}

/**
 * Returns the minter that asks Google each time. What a refusal shows to be out of date, the clock or the credential,
 * is brought up to date and tried once more at once, so that neither costs a caller its request.
 */
export function createMinter({ credentials, clock }: MinterDependencies): Minter {
  const rejections = new Map<string, Rejection>();

  /** A rejected key is rejected for every grant: one of them is enough to learn it. */
  const recentRejection = (name: string, credential: Credential): SourceResult | undefined => {
    const rejection = rejections.get(name);
    const ageMs = rejection === undefined ? Number.NaN : clock.systemMs() - rejection.atMs;
    return rejection?.credential === credential && ageMs >= 0 && ageMs < REJECTION_MEMORY_MS
      ? rejection.result
      : undefined;
  };

  const remember = (name: string, credential: Credential, result: SourceResult): SourceResult => {
    if (result.outcome === 'refused' && result.refusal.cause === 'outdated_credential') {
      rejections.set(name, { credential, result, atMs: clock.systemMs() });
    }
    return result;
  };

  const askAgainIfClockWasWrong = async (ask: () => Promise<SourceResult>): Promise<SourceResult> => {
    const offsetMs = clock.offsetMs();
    const result = await ask();
    const clockWasWrong = result.outcome === 'refused' && result.refusal.cause === 'clock';
    // By this answer or another, since the request was made out.
    const isCorrected = clock.offsetMs() !== offsetMs;
    return clockWasWrong && isCorrected ? await ask() : result;
  };

  const askWith = async (credential: Credential, grant: Grant, deadlineMs: number): Promise<SourceResult> =>
    recentRejection(grant.credential, credential) ??
    remember(
      grant.credential,
      credential,
      await askAgainIfClockWasWrong(() => credential.source(grant, deadlineMs)),
    );

  const ask = async (grant: Grant, deadlineMs: number): Promise<SourceResult> => {
    const credential = await credentials.get(grant.credential);
    const result = await askWith(credential, grant, deadlineMs);
    if (result.outcome === 'granted' || !OUTDATED.has(result.refusal.cause)) {
      return result;
    }
    const renewed = await credentials.renew(grant.credential, credential);
    return renewed === credential ? result : await askWith(renewed, grant, deadlineMs);
  };

  return async (grant, deadlineMs): Promise<Vended> => {
    const result = await ask(grant, deadlineMs - ANSWER_MARGIN_MS);
    if (result.outcome === 'refused') {
      throw refused(result);
    }
    return { token: result.token, cached: false, googleMs: result.googleMs };
  };
}
