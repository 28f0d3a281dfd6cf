import type { ExchangeResult } from '../google/exchange.ts';
import { accessTokenOf } from './token-answer.ts';
import type { SourceResult } from './token-source.ts';

/**
 * Returns what came of an exchange that was to give an access token; `withoutToken` says what is wrong if Google granted
 * it and gave none that can be used.
 */
export function readAccessToken(result: ExchangeResult, nowMs: number, withoutToken: string): SourceResult {
  if (result.outcome === 'refused') {
    return result;
  }
  const token = accessTokenOf(result.fields, nowMs);
  return token === undefined
    ? { outcome: 'refused', refusal: { cause: 'other', explanation: withoutToken } }
    : { outcome: 'granted', token, googleMs: result.googleMs };
}
