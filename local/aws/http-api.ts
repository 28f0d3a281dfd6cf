import { type Answer, headerText, jsonAnswer } from './answer.ts';
import { httpApiAnswer } from './http-api-answer.ts';
import { type HttpApiEvent, httpApiEvent } from './http-api-event.ts';
import type { Invoker, Outcome } from './invoker.ts';
import { iamIdentity } from './principal.ts';
import type { ReceivedRequest } from './received-request.ts';
import type { LocalCredential, SignatureVerifier } from './sigv4.ts';

/** The largest body that API Gateway takes. */
export const HTTP_API_MAX_BODY_BYTES = 10 * 1024 * 1024;

export type HttpApiOptions = {
  readonly invoke: Invoker;
  readonly verify: SignatureVerifier;
  /** Serves `POST /oauth/token`, without an authorizer; there is no such route without it. */
  readonly oauth: Invoker | undefined;
  /** The profiles' names; each has its route, and is the alias that the route invokes. */
  readonly profiles: readonly string[];
  /** Who an unsigned request is taken to be from; `undefined` refuses it. */
  readonly unsignedCaller: LocalCredential | undefined;
  readonly accountId: string;
  readonly region: string;
  readonly now: () => number;
};

const OAUTH_PATH = '/oauth/token';

/** The path of a profile's route: `default` has the short one. */
function routePath(profile: string): string {
  return profile === 'default' ? '/token' : `/profiles/${profile}/token`;
}

/** API Gateway tells a caller no more than this; the reason is for the developer, and real AWS does not send it. */
function fault(status: number, message: string, reason: string): Answer {
  return jsonAnswer(status, { message }, { 'x-local-reason': headerText(reason) });
}

/**
 * Returns the local HTTP API: `GET` and `POST` of each profile's route under IAM authorization, integrated with the
 * alias of the profile's name.
 *
 * As with API Gateway, a function that throws or overruns is a 500, and nothing that it said comes through.
 */
export function createHttpApi(options: HttpApiOptions): (request: ReceivedRequest) => Promise<Answer> {
  const { invoke, verify, accountId, region, now } = options;
  const routes = new Map(options.profiles.map((profile) => [routePath(profile), profile]));

  async function authenticate(request: ReceivedRequest): Promise<LocalCredential | Answer> {
    const verdict = await verify(request);
    switch (verdict.kind) {
      case 'verified':
        return verdict.credential;
      case 'unsigned':
        return options.unsignedCaller ?? fault(403, 'Forbidden', 'Missing Authentication Token');
      case 'refused':
        return fault(403, 'Forbidden', [verdict.message, verdict.hint].filter(Boolean).join(' / '));
    }
  }

  async function integrate(
    request: ReceivedRequest,
    run: (event: HttpApiEvent) => Promise<Outcome>,
    caller?: LocalCredential,
  ): Promise<Answer> {
    const routeKey = `${request.method} ${request.path}`;
    const identity = caller && iamIdentity(caller);
    const event = httpApiEvent(request, { routeKey, identity, accountId, region, nowMs: now() });
    const outcome = await run(event);
    switch (outcome.kind) {
      case 'returned': {
        const answer = httpApiAnswer(JSON.parse(outcome.json));
        return answer === undefined
          ? fault(500, 'Internal Server Error', 'what the function returned is no HTTP answer')
          : { ...answer, headers: { ...answer.headers, 'apigw-requestid': event.requestContext.requestId } };
      }
      case 'throttled':
        return fault(503, 'Service Unavailable', 'too many invocations at one time');
      case 'timed-out':
        return fault(500, 'Internal Server Error', outcome.errorMessage);
      case 'failed':
        return fault(500, 'Internal Server Error', `the function threw ${outcome.errorType}`);
    }
  }

  return async (request) => {
    const { oauth } = options;
    if (oauth !== undefined && request.path === OAUTH_PATH && request.method === 'POST') {
      return integrate(request, (event) => oauth(event, undefined));
    }
    const profile = routes.get(request.path);
    if (profile === undefined || (request.method !== 'GET' && request.method !== 'POST')) {
      return jsonAnswer(404, { message: 'Not Found' });
    }
    const caller = await authenticate(request);
    return 'status' in caller ? caller : integrate(request, (event) => invoke(event, profile), caller);
  };
}
