import type { Audit } from '../lambda/audit.ts';
import { DOCTOR_ALIAS } from '../lambda/doctor/doctor-alias.ts';
import type { Visit } from '../lambda/visit.ts';

/** Nothing is said of a request that was refused before it was read as one for a token, as the doctor's are. */
function asked({ request, ...end }: Visit): string | undefined {
  switch (request?.kind) {
    case undefined:
      return 'error' in end && end.error.code === 'invalid_request' ? 'unreadable request' : undefined;
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
  const { cached, googleMs } = visit.vended;
  if (cached) {
    return 'from the cache';
  }
  // An impersonated account signs at Google, which takes its time.
  const isSignedHere = visit.grant?.kind === 'access_token' && visit.grant.selfSigned && googleMs === 0;
  return isSignedHere ? 'signed here' : `from Google in ${googleMs} ms`;
}

/**
 * Returns an audit for a person in front of a terminal: one short line a request, no JSON and no metrics. What it
 * says is a part of what the deployed function logs.
 */
export function createTerminalAudit(write: (line: string) => void): Audit {
  return {
    record: (visit) =>
      write(
        [`${visit.door?.kind ?? '-'} ${visit.profile ?? '-'}`, asked(visit), outcome(visit)]
          .filter((part) => part !== undefined)
          .join(': '),
      ),
    note: (message) => write(`direct ${DOCTOR_ALIAS}: ${message}`),
    warn: (message, error) => write(`${message}: ${error instanceof Error ? error.message : 'unknown'}`),
  };
}
