import type { Audit } from '../lambda/audit.ts';
import { DOCTOR_ALIAS } from '../lambda/doctor-alias.ts';
import type { TokenRequest } from '../lambda/types.ts';
import type { Visit } from '../lambda/visit.ts';

function asked(request: TokenRequest | undefined): string {
  switch (request?.kind) {
    case undefined:
      return 'unreadable request';
    case 'id_token':
      return `ID token for ${request.audience}`;
    case 'access_token':
      return `access token for ${request.scopes?.join(' ') ?? 'all scopes'}`;
    default:
      return request satisfies never;
  }
}

function outcome(visit: Visit): string {
  if ('error' in visit) {
    return `${visit.error.code}: ${visit.error.message}`;
  }
  return visit.vended.cached ? 'from the cache' : `from Google in ${visit.vended.googleMs} ms`;
}

/**
 * Returns an audit for a person in front of a terminal: one short line a request, no JSON and no metrics. What it
 * says is a part of what the deployed function logs.
 */
export function createTerminalAudit(write: (line: string) => void): Audit {
  return {
    record: (visit) =>
      write(`${visit.door?.kind ?? '-'} ${visit.profile ?? '-'}: ${asked(visit.request)}: ${outcome(visit)}`),
    note: (message) => write(`direct ${DOCTOR_ALIAS}: ${message}`),
    warn: (message, error) => write(`${message}: ${error instanceof Error ? error.message : 'unknown'}`),
  };
}
