import { type IncomingMessage, type RequestListener, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Answer } from './answer.ts';
import type { ChangeWait } from './change-wait.ts';
import type { FreshTokens } from './fresh-tokens.ts';
import type { Guard } from './guard.ts';
import type { Lookup } from './lookup.ts';
import { answerWithFault, asMetadataFault, MetadataFault } from './metadata-fault.ts';
import { parseTarget } from './query.ts';
import type { RequestLog } from './request-log.ts';

export type ResponderDependencies = {
  readonly guard: Guard;
  readonly fresh: FreshTokens;
  readonly lookup: Lookup;
  readonly changeWait: ChangeWait;
  readonly log: RequestLog;
};

/** What every answer carries, refusals too: without the first, clients do not believe that it is a metadata server. */
export const STANDING_HEADERS = {
  'Metadata-Flavor': 'Google',
  Server: 'Metadata Server for VM',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
} as const;

function send(response: ServerResponse, { status, reason, contentType, body, headers }: Answer): void {
  response.writeHead(status, reason ?? STATUS_CODES[status], {
    ...STANDING_HEADERS,
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  });
  // Node leaves the body out of the answer to a HEAD.
  response.end(body);
}

/**
 * Returns what answers every request: guard, then at once if the answer is a token that was just given, and otherwise by
 * a look into the tree.
 */
export function createResponder(dependencies: ResponderDependencies): RequestListener {
  const { guard, fresh, lookup, changeWait, log } = dependencies;

  const lookUp = async ({ url = '' }: IncomingMessage, response: ServerResponse): Promise<Answer> => {
    const target = parseTarget(url);
    const answer = await lookup(target, url);
    await changeWait.until(target.query, answer, response);
    return answer;
  };

  const answerSlowly = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const startedAtMs = performance.now();
    const answered = await lookUp(request, response).catch(asMetadataFault);
    const fault = answered instanceof MetadataFault ? answered : undefined;
    log(request, { status: answered.status, startedAtMs, fault: fault?.message });
    const answer = answered instanceof MetadataFault ? answerWithFault(answered) : answered;
    send(response, answer);
  };

  return (request, response) => {
    try {
      guard(request);
    } catch (error) {
      const fault = asMetadataFault(error);
      log(request, { status: fault.status, startedAtMs: performance.now(), fault: fault.message });
      send(response, answerWithFault(fault));
      return;
    }
    const known = fresh.get(request.url ?? '');
    if (known !== undefined) {
      log(request, { status: known.status, startedAtMs: performance.now(), fault: undefined });
      send(response, known);
      return;
    }
    answerSlowly(request, response).catch(() => response.destroy());
  };
}
