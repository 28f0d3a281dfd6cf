import type { CredentialStore } from './credential-store.ts';
import { VendError } from './errors.ts';
import type { SourceResult } from './token-source.ts';
import type { Grant, Minter, Vended } from './types.ts';

export type MinterDependencies = { readonly credentials: CredentialStore };

/** The end of an invocation is kept for its answer. */
const ANSWER_MARGIN_MS = 500;

function refused(result: Extract<SourceResult, { outcome: 'refused' }>): VendError {
  return new VendError('google_refused', result.refusal.explanation);
}

/**
 * Returns the minter that asks Google each time. What a refusal shows to be out of date, the clock or the credential,
 * is brought up to date and tried once more at once, so that neither costs a caller its request.
 */
export function createMinter({ credentials }: MinterDependencies): Minter {
  const askAgainIfClockWasWrong = async (ask: () => Promise<SourceResult>): Promise<SourceResult> => {
    const result = await ask();
    const clockWasWrong =
      result.outcome === 'refused' && result.refusal.cause === 'clock' && result.clockCorrected;
    return clockWasWrong ? await ask() : result;
  };

  const ask = async (grant: Grant, deadlineMs: number): Promise<SourceResult> => {
    const credential = await credentials.get(grant.credential);
    const result = await askAgainIfClockWasWrong(() => credential.source(grant, deadlineMs));
    if (result.outcome === 'granted' || result.refusal.cause !== 'outdated_credential') {
      return result;
    }
    const renewed = await credentials.renew(grant.credential, credential);
    return renewed === credential
      ? result
      : await askAgainIfClockWasWrong(() => renewed.source(grant, deadlineMs));
  };

  return async (grant, deadlineMs): Promise<Vended> => {
    const result = await ask(grant, deadlineMs - ANSWER_MARGIN_MS);
    if (result.outcome === 'refused') {
      throw refused(result);
    }
    return { token: result.token, cached: false, googleMs: result.googleMs };
  };
}
