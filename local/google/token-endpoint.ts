import type { Asked, Exchanges, Interference } from './exchanges.ts';
import { REFUSALS, Refusal, type RefusalReason } from './refusal.ts';
import type { Answer, GoogleRequest, Route } from './route.ts';

/** Where the endpoint is: the present path, and the two that older key files name. */
export const TOKEN_PATHS = ['/token', '/oauth2/v4/token', '/o/oauth2/token'] as const;

const FORM = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/** One `grant_type` that the endpoint knows. */
export type TokenGrant = {
  readonly type: string;
  /** Returns what the form says of itself, unverified, for the record of exchanges. */
  readonly describe: (form: URLSearchParams) => Omit<Asked, 'path' | 'grantType'>;
  /**
   * Returns the body of a good answer.
   * @throws {Refusal}
   */
  readonly answer: (form: URLSearchParams) => Promise<object>;
};

export type TokenEndpointContext = {
  readonly grants: readonly TokenGrant[];
  readonly exchanges: Exchanges;
  readonly interference: () => Interference | undefined;
};

const UNKNOWN = {
  issuer: undefined,
  subject: undefined,
  keyId: undefined,
  scope: undefined,
  targetAudience: undefined,
} as const;

function refuse(reason: RefusalReason): Answer {
  const { status, error, description } = REFUSALS[reason];
  return { status, body: { error, error_description: description } };
}

function readForm(request: GoogleRequest): URLSearchParams {
  return new URLSearchParams(FORM.test(request.headers['content-type'] ?? '') ? request.body : '');
}

/** RFC 6749 wants each parameter once at the most. */
function hasRepeats(form: URLSearchParams): boolean {
  return new Set(form.keys()).size !== form.size;
}

async function answerGrant(grant: TokenGrant | undefined, form: URLSearchParams): Promise<Answer> {
  if (hasRepeats(form)) {
    return refuse('malformed');
  }
  if (!form.get('grant_type')) {
    return refuse('grantTypeMissing');
  }
  if (grant === undefined) {
    return refuse('grantTypeUnknown');
  }
  try {
    return { status: 200, body: await grant.answer(form) };
  } catch (error) {
    if (error instanceof Refusal) {
      return refuse(error.reason);
    }
    throw error;
  }
}

/**
 * Returns the routes of Google's token endpoint: a form in, a token or an RFC 6749 error out, each exchange recorded.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-3.2
 */
export function createTokenEndpoint({
  grants,
  exchanges,
  interference,
}: TokenEndpointContext): readonly Route[] {
  const byType = new Map(grants.map((grant) => [grant.type, grant]));

  const handle: Route['handle'] = async (request) => {
    const form = readForm(request);
    const grantType = form.get('grant_type') ?? undefined;
    const grant = byType.get(grantType ?? '');
    const asked: Asked = { path: request.path, grantType, ...(grant?.describe(form) ?? UNKNOWN) };
    const reply = (await interference()?.(asked)) ?? (await answerGrant(grant, form));
    exchanges.record(asked, reply);
    return reply;
  };

  return TOKEN_PATHS.map((path) => ({ method: 'POST', path, handle }));
}
