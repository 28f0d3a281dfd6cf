import { fieldsOf } from '../fields.ts';
import type { Clock } from '../google/clock.ts';
import type { Handler, InvocationContext } from '../handler.ts';
import type { AuthenticateClient } from './authenticate-client.ts';
import { narrowGrant } from './narrow-grant.ts';
import { refusalAnswer, tokenAnswer } from './oauth-answer.ts';
import type { OAuthAudit } from './oauth-audit.ts';
import type { OAuthClient, OAuthClients } from './oauth-clients.ts';
import { asRefusal, brokenHere, invalidClient, OAuthRefusal } from './oauth-refusal.ts';
import { type OAuthRequest, parseTokenRequest } from './token-request.ts';
import type { VendToClient } from './vend-to-client.ts';

export type OAuthHandlerDependencies = {
  readonly clients: OAuthClients;
  readonly authenticate: AuthenticateClient;
  readonly vend: VendToClient;
  readonly clock: Clock;
  readonly audit: OAuthAudit;
};

type Notes = { request?: OAuthRequest; client?: OAuthClient };

/** So much of an invocation's time is kept back for the answer. */
const ANSWER_MARGIN_MS = 500;

function refuseOtherGrants({ grantType }: OAuthRequest): void {
  if (grantType === undefined) {
    throw new OAuthRefusal('invalid_request', 'grant_type is missing; it must be client_credentials.');
  }
  if (grantType !== 'client_credentials') {
    throw new OAuthRefusal('unsupported_grant_type', 'grant_type must be client_credentials.');
  }
}

/**
 * Returns the handler of `POST /oauth/token`: request → authenticate → narrow → vend → answer. It takes HTTP API events and
 * always returns an HTTP answer: whoever invokes it otherwise has to authenticate as a client all the same.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.4
 */
export function createOAuthHandler(dependencies: OAuthHandlerDependencies): Handler {
  const { clients, authenticate, vend, clock, audit } = dependencies;

  const authenticated = async ({ credentials }: OAuthRequest): Promise<OAuthClient> => {
    const client = await authenticate(credentials).catch((cause: unknown) => {
      throw brokenHere(cause);
    });
    if (client === undefined) {
      throw invalidClient();
    }
    return client;
  };

  const issue = async (event: unknown, context: InvocationContext, notes: Notes) => {
    const deadlineMs = clock.systemMs() + context.getRemainingTimeInMillis() - ANSWER_MARGIN_MS;
    const request = parseTokenRequest(event);
    notes.request = request;
    const client = await authenticated(request);
    notes.client = client;
    refuseOtherGrants(request);
    return await vend(client, narrowGrant(client.grant, request), deadlineMs);
  };

  return async (event, context) => {
    const startedAtMs = clock.systemMs();
    const notes: Notes = {};
    const visit = () => {
      const claimed = notes.request?.credentials.clientId;
      return {
        requestId: context.awsRequestId,
        sourceIp: fieldsOf(fieldsOf(fieldsOf(event).requestContext).http).sourceIp,
        durationMs: clock.systemMs() - startedAtMs,
        method: notes.request?.credentials.method,
        claimed,
        known: claimed !== undefined && clients.has(claimed),
        profile: notes.client?.profile,
      };
    };
    try {
      const token = await issue(event, context, notes);
      audit.record({ ...visit(), token: token.accessToken });
      return tokenAnswer(token);
    } catch (error) {
      const refusal = asRefusal(error);
      audit.record({ ...visit(), refusal });
      return refusalAnswer(refusal, context.awsRequestId);
    }
  };
}
