import { Logger } from '@aws-lambda-powertools/logger';
import { describeCause } from '../describe-cause.ts';
import type { VendError } from '../errors.ts';
import { redact } from '../quote.ts';
import { fingerprintOf } from '../token-fingerprint.ts';
import type { Vended } from '../types.ts';
import { CallError, isExpected } from './call-errors.ts';
import { shownUrl } from './call-url.ts';

/** What is known of one call, as far as it came. */
export type CallVisit = {
  readonly requestId: string;
  readonly profile: string;
  readonly durationMs: number;
  readonly url: URL | undefined;
  readonly method: string | undefined;
  readonly audience: string | undefined;
  /** The token that it was made with. */
  readonly vended: Vended | undefined;
  /** What the service answered. */
  readonly status: number | undefined;
  /** Whether a token was found in the answer, and hidden. */
  readonly tokenHidden: boolean;
  readonly error: CallError | VendError | undefined;
};

/** Where the log lines of calls go. */
export type CallAudit = {
  /** Writes the one line of a call. */
  readonly record: (visit: CallVisit) => void;
  /** Writes that something failed which no caller hears of. */
  readonly warn: (message: string, error: unknown) => void;
};

const MAX_URL_LENGTH = 500;

function describe(visit: CallVisit): Readonly<Record<string, unknown>> {
  const { url, vended, error } = visit;
  const status = visit.status ?? (error instanceof CallError ? error.status : undefined);
  return {
    request_id: visit.requestId,
    profile: visit.profile,
    method: visit.method,
    url: url === undefined ? undefined : redact(shownUrl(url)).slice(0, MAX_URL_LENGTH),
    audience: visit.audience,
    status,
    duration_ms: visit.durationMs,
    outcome: error?.code ?? 'answered',
    ...(vended !== undefined && { cached: vended.cached, token_sha256: fingerprintOf(vended.token) }),
    ...(visit.tokenHidden && { token_hidden: true }),
  };
}

/**
 * What a service says may be anybody's data, and what makes a request invalid may be a key in the wrong place: the line, which
 * is kept for an audit, does without. Who makes the call is told.
 */
function isOfOthers(error: CallError | VendError): boolean {
  return error instanceof CallError || error.code === 'invalid_request';
}

/** Returns the log of calls: one line each, by Powertools' logger, with nothing of a query, a header, a body or a token. */
export function createCallAudit({ serviceName }: { readonly serviceName: string }): CallAudit {
  const logger = new Logger({ serviceName });

  return {
    record: (visit) => {
      const { error } = visit;
      if (error === undefined) {
        logger.info('called', describe(visit));
        return;
      }
      const words = isOfOthers(error) ? {} : { error_description: error.message };
      logger[isExpected(error) ? 'warn' : 'error']('not called', {
        ...describe(visit),
        ...words,
        ...describeCause(error.cause),
      });
    },
    warn: (message, error) =>
      logger.warn(message, { error_description: error instanceof Error ? redact(error.message) : undefined }),
  };
}
