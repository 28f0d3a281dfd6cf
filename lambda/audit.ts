import { Logger } from '@aws-lambda-powertools/logger';
import { describeCause } from './describe-cause.ts';
import { ERRORS, type VendError } from './errors.ts';
import { createMeter } from './metrics.ts';
import { redact } from './quote.ts';
import { fingerprintOf } from './token-fingerprint.ts';
import type { AccessTokenGrant, AccessTokenRequest, Token, Vended } from './types.ts';
import type { Visit } from './visit.ts';

/** Where the vendor's log lines and metrics go. */
export type Audit = {
  /** Writes the one line and the metrics of a request. */
  readonly record: (visit: Visit) => void;
  /** Writes that something failed which no caller hears of, such as a refresh beside a cached token. */
  readonly warn: (message: string, error: unknown) => void;
  /** Writes what was done that is no request for a token; an audit may do without. */
  readonly note?: (message: string, fields: Fields) => void;
};

type Fields = Record<string, unknown>;

/** Before it is authorized, all that is known is what the request said; afterwards, what the token may be used for. */
function asked({ request, grant }: Visit): Fields {
  switch (request?.kind) {
    case undefined:
      return {};
    case 'id_token':
      return { audience: redact(request.audience) };
    case 'access_token':
      return accessAsked(request, grant?.kind === 'access_token' ? grant : undefined);
    default:
      return request satisfies never;
  }
}

function accessAsked(request: AccessTokenRequest, grant: AccessTokenGrant | undefined): Fields {
  const scopes = grant?.scopes.split(' ') ?? request.scopes;
  return {
    scopes: scopes?.map(redact) ?? 'all',
    subject: redacted(grant?.subject ?? request.subject),
    lifetime: grant?.lifetimeSeconds ?? request.lifetimeSeconds,
    self_signed: grant?.selfSigned,
    boundary: grant?.boundary === undefined ? undefined : true,
  };
}

function redacted(text: string | undefined): string | undefined {
  return text === undefined ? undefined : redact(text);
}

/** Tells tokens apart in a log, and is of no use to anybody who would use one. */
function createFingerprint(): (token: Token) => string {
  const known = new WeakMap<Token, string>();
  return (token) => {
    const fingerprint = known.get(token) ?? fingerprintOf(token);
    known.set(token, fingerprint);
    return fingerprint;
  };
}

/**
 * Returns the audit log: structured lines by Powertools' logger, and the metrics. Each visit is written without a
 * pause, so that requests which a container serves at the same time do not mix.
 */
export function createAudit({ serviceName }: { readonly serviceName: string }): Audit {
  const logger = new Logger({ serviceName });
  const measure = createMeter({ serviceName });
  const fingerprint = createFingerprint();

  const describe = (visit: Visit): Fields => ({
    request_id: visit.requestId,
    door: visit.door?.kind,
    caller: visit.door?.caller,
    profile: visit.profile,
    credential: visit.grant?.credential,
    impersonate: redacted(visit.grant?.impersonate?.serviceAccount),
    ...asked(visit),
    duration_ms: visit.durationMs,
  });

  const recordVended = (visit: Visit, { token, cached, googleMs }: Vended): void => {
    logger.info('vended', {
      ...describe(visit),
      outcome: 'vended',
      cached,
      google_ms: googleMs,
      principal: token.principal,
      token_sha256: fingerprint(token),
      expires_at: new Date(token.expiresAtMs).toISOString(),
    });
  };

  const recordError = (visit: Visit, error: VendError): void => {
    const level = ERRORS[error.code].status < 500 ? 'warn' : 'error';
    logger[level]('refused', {
      ...describe(visit),
      outcome: error.code,
      error_description: error.message,
      ...describeCause(error.cause),
    });
  };

  return {
    record: (visit) => {
      if ('vended' in visit) {
        recordVended(visit, visit.vended);
      } else {
        recordError(visit, visit.error);
      }
      measure(visit);
    },
    warn: (message, error) => {
      const description = error instanceof Error ? redact(error.message) : undefined;
      logger.warn(message, {
        error_description: description,
        ...describeCause((error as Error | undefined)?.cause),
      });
    },
    note: (message, fields) => logger.info(message, fields),
  };
}
