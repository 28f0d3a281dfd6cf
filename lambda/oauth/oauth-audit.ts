import { hash } from 'node:crypto';
import { isIP } from 'node:net';
import { redact } from '../quote.ts';
import { OAUTH_ERRORS, type OAuthRefusal } from './oauth-refusal.ts';

/** What is known of one token request, as far as it came. */
export type OAuthVisit = {
  readonly requestId: string;
  readonly sourceIp: unknown;
  readonly durationMs: number;
  readonly method: string | undefined;
  /** The id that was claimed. */
  readonly claimed: string | undefined;
  /** Whether there is a client of that id. */
  readonly known: boolean;
  readonly profile: string | undefined;
} & ({ readonly token: string } | { readonly refusal: OAuthRefusal });

export type OAuthAudit = { readonly record: (visit: OAuthVisit) => void };

const NAMESPACE = 'GcpTokenVendor';
const FINGERPRINT_LENGTH = 16;
const METRICS = ['OAuthTokens', 'OAuthFailedLogins', 'OAuthErrors'] as const;

function fingerprint(text: string): string {
  return hash('sha256', text).slice(0, FINGERPRINT_LENGTH);
}

/** What is no client's id may be a secret in the wrong place. */
function claimedBy({ claimed, known }: OAuthVisit): Record<string, string> {
  if (claimed === undefined || claimed === '') {
    return {};
  }
  return known ? { client: claimed } : { client_sha256: fingerprint(claimed) };
}

/** The name, the message and the cause's name: never a value that a request or an answer carried. */
function describe({ cause }: OAuthRefusal): Record<string, string> {
  if (!(cause instanceof Error)) {
    return {};
  }
  const { cause: deeper } = cause;
  return {
    cause: `${cause.name}: ${redact(cause.message)}`,
    ...(deeper instanceof Error && { cause_of_that: `${deeper.name}: ${redact(deeper.message)}` }),
  };
}

function metricOf(visit: OAuthVisit): (typeof METRICS)[number] | undefined {
  if ('token' in visit) {
    return 'OAuthTokens';
  }
  if (visit.refusal.code === 'invalid_client') {
    return 'OAuthFailedLogins';
  }
  return OAUTH_ERRORS[visit.refusal.code] >= 500 ? 'OAuthErrors' : undefined;
}

/** The line and the metrics are one, in the embedded metric format. */
function metricsOf(visit: OAuthVisit, nowMs: number): object {
  const name = metricOf(visit);
  if (name === undefined) {
    return {};
  }
  const metrics = [{ Name: name, Unit: 'Count' }];
  return {
    [name]: 1,
    _aws: {
      Timestamp: nowMs,
      CloudWatchMetrics: [{ Namespace: NAMESPACE, Dimensions: [['service']], Metrics: metrics }],
    },
  };
}

function outcomeOf(visit: OAuthVisit): Record<string, string> {
  if ('token' in visit) {
    return { level: 'INFO', message: 'vended', outcome: 'vended', token_sha256: fingerprint(visit.token) };
  }
  const { code, message } = visit.refusal;
  const level = OAUTH_ERRORS[code] >= 500 ? 'ERROR' : 'WARN';
  return { level, message: 'refused', outcome: code, error_description: message, ...describe(visit.refusal) };
}

/**
 * Returns the audit log of the OAuth function: one line of JSON a request, by the same names as the vendor's, with its metrics
 * in it. `token_sha256` is the vendor's own, so the two lines of a token can be put together.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function createOAuthAudit(dependencies: {
  readonly serviceName: string;
  readonly write: (line: string) => void;
  readonly now?: () => number;
}): OAuthAudit {
  const { serviceName: service, write, now = Date.now } = dependencies;
  return {
    record: (visit) => {
      const { sourceIp, method, profile, requestId, durationMs } = visit;
      const { level, ...outcome } = outcomeOf(visit);
      const line = {
        level,
        ...outcome,
        timestamp: new Date(now()).toISOString(),
        service,
        request_id: requestId,
        door: 'oauth',
        ...claimedBy(visit),
        client_auth: method,
        profile,
        source_ip: typeof sourceIp === 'string' && isIP(sourceIp) !== 0 ? sourceIp : undefined,
        duration_ms: durationMs,
        ...metricsOf(visit, now()),
      };
      write(`${JSON.stringify(line)}\n`);
    },
  };
}
