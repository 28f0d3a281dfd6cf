import type { Clock } from '../google/clock.ts';
import type { Grant, Vended } from '../types.ts';
import { type CallRequest, isRefusedStatus } from './call-request.ts';
import type { CallTokens } from './call-tokens.ts';
import type { SendToService, ServiceAnswer } from './service-network.ts';

/** What a service answered, and the tokens that it was sent, the last of them last. */
export type Called = { readonly answer: ServiceAnswer; readonly sent: readonly [Vended, ...Vended[]] };

/** One call, with the token it begins with. */
export type Call = { readonly request: CallRequest; readonly grant: Grant; readonly vended: Vended };

/**
 * Makes a call.
 *
 * @throws {CallError} if there is no whole answer
 * @throws {VendError} if a second token was needed and not to be had
 */
export type CallService = (call: Call, deadlineMs: number) => Promise<Called>;

export type CallServiceDependencies = {
  readonly tokens: CallTokens;
  readonly send: SendToService;
  readonly clock: Clock;
};

const UNAUTHORIZED = 401;
/** Of an answer that becomes an error, no more is shown. */
const MAX_REFUSAL_BYTES = 16_384;

function headersOf({ headers, body }: CallRequest, { token }: Vended): Readonly<Record<string, string>> {
  return {
    accept: '*/*',
    'user-agent': 'gcp-token-vendor',
    ...(body !== undefined && { 'content-type': body.contentType }),
    ...headers,
    'accept-encoding': 'identity',
    authorization: `Bearer ${token.value}`,
  };
}

/**
 * Returns what calls a service with an ID token. If it is a token from the cache that the service does not accept (401, so that
 * nothing was done), and the vendor has a newer one, the call is made once more.
 */
export function createCallService({ tokens, send, clock }: CallServiceDependencies): CallService {
  const sendWith = (request: CallRequest, vended: Vended, deadlineMs: number): Promise<ServiceAnswer> => {
    const { url, method, body, maxResponseBytes } = request;
    return send(
      { url, method, headers: headersOf(request, vended), body: body?.text },
      {
        timeoutMs: deadlineMs - clock.systemMs(),
        maxBytes: (status) => (isRefusedStatus(request, status) ? MAX_REFUSAL_BYTES : maxResponseBytes),
        cutsOff: (status) => isRefusedStatus(request, status),
      },
    );
  };

  return async ({ request, grant, vended }, deadlineMs) => {
    const answer = await sendWith(request, vended, deadlineMs);
    if (answer.status !== UNAUTHORIZED || !vended.cached || !isRefusedStatus(request, UNAUTHORIZED)) {
      return { answer, sent: [vended] };
    }
    const renewed = await tokens.renew(grant, vended.token, deadlineMs);
    return renewed === undefined
      ? { answer, sent: [vended] }
      : { answer: await sendWith(request, renewed, deadlineMs), sent: [vended, renewed] };
  };
}
