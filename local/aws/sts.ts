import { type Answer, jsonAnswer } from './answer.ts';
import { type CallerIdentity, type IdentityRefusal, identityOf, identityRequest } from './identity-replay.ts';
import { headerValue, type ReceivedRequest } from './received-request.ts';
import { createSignatureVerifier, type Verdict } from './sigv4.ts';
import { type StandIn, startStandIn } from './stand-in.ts';
import { createStsActions, type StsAction, type StsCredential } from './sts-actions.ts';
import { type StsFault, type StsResult, stsAnswer, stsFault } from './sts-answer.ts';
import { actionOf, parseStsCall, STS_VERSION } from './sts-call.ts';
import { createWebIdentityIssuer, type WebIdentityIssuer } from './web-identity.ts';

export type LocalStsOptions = {
  /** 0, and so any that is free, if not given. */
  readonly port?: number;
  readonly region: string;
  /** Twelve digits: the account that has outbound identity federation enabled. */
  readonly accountId: string;
  readonly credentials: readonly StsCredential[];
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
};

export type LocalSts = Omit<StandIn<{ readonly action: string }>, 'answer'> & {
  /** The `iss` of the account's web identity tokens. */
  readonly issuer: string;
  /** Where the keys are that verify them: on loopback, unlike the issuer. */
  readonly jwksUrl: string;
  /**
   * Returns who signed the request in a Google subject token of type `aws4_request`, or why nobody did. The request
   * goes to this server, whatever it says, and must say the region's own endpoint.
   */
  readonly replayIdentityRequest: (subjectToken: unknown) => Promise<CallerIdentity | IdentityRefusal>;
};

const JWKS_PATH = '/.well-known/jwks.json';
const REFUSALS = {
  IncompleteSignatureException: ['IncompleteSignature', 400],
  InvalidSignatureException: ['SignatureDoesNotMatch', 403],
  UnrecognizedClientException: ['InvalidClientTokenId', 403],
  MissingAuthenticationTokenException: ['MissingAuthenticationToken', 403],
} as const;

function authenticationFault(verdict: Exclude<Verdict, { readonly kind: 'verified' }>): StsFault {
  if (verdict.kind === 'unsigned') {
    return stsFault('MissingAuthenticationToken', 'Request is missing Authentication Token', 403);
  }
  const [code, status] = REFUSALS[verdict.type];
  return stsFault(code, verdict.message, status);
}

/** Returns the caller's credential once its signature is verified, or the refusal. */
function createAuthenticator(options: LocalStsOptions, now: () => number) {
  const { credentials, region } = options;
  const verify = createSignatureVerifier({ credentials, region, service: 'sts', now });
  const known = new Map(credentials.map((credential) => [credential.accessKeyId, credential]));

  return async (request: ReceivedRequest): Promise<StsCredential | StsFault> => {
    const verdict = await verify(request);
    if (verdict.kind !== 'verified') {
      return authenticationFault(verdict);
    }
    const credential: StsCredential = known.get(verdict.credential.accessKeyId) ?? verdict.credential;
    return now() >= (credential.expiresAtMs ?? Number.POSITIVE_INFINITY)
      ? stsFault('ExpiredToken', 'The security token included in the request is expired', 403)
      : credential;
  };
}

/** Serves what receivers of web identity tokens read to verify them; it needs no signature. */
async function serveDiscovery(
  issuer: WebIdentityIssuer,
  request: ReceivedRequest,
): Promise<Answer | undefined> {
  if (request.method !== 'GET') {
    return undefined;
  }
  if (request.path === '/.well-known/openid-configuration') {
    return jsonAnswer(200, issuer.configuration());
  }
  return request.path === JWKS_PATH ? jsonAnswer(200, await issuer.jwks()) : undefined;
}

/** As STS does, an action that there is not is named before anybody looks at the signature. */
async function perform(
  actions: ReadonlyMap<string, StsAction>,
  authenticate: (request: ReceivedRequest) => Promise<StsCredential | StsFault>,
  request: ReceivedRequest,
): Promise<StsResult | StsFault> {
  const call = parseStsCall(request);
  if (call.kind === 'fault') {
    return call;
  }
  const action = actions.get(call.action);
  if (action === undefined) {
    return stsFault('InvalidAction', `Could not find operation ${call.action} for version ${STS_VERSION}`);
  }
  const credential = await authenticate(request);
  const host = headerValue(request.headers, 'host') ?? '';
  return 'code' in credential ? credential : action({ credential, host }, call);
}

function formatFor({ headers }: ReceivedRequest): 'xml' | 'json' {
  return /^application\/json\b/i.test(headerValue(headers, 'accept') ?? '') ? 'json' : 'xml';
}

/**
 * Starts a stand-in for AWS's STS in one region on loopback, which speaks the Query protocol of the real one to the
 * SDKs and the AWS CLI. It verifies every signature, and it is the issuer of the account's web identity tokens.
 *
 * @throws {Error} the listener's own error (`EADDRINUSE`, …)
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html
 */
export async function startSts(options: LocalStsOptions): Promise<LocalSts> {
  const { port = 0, region, accountId, now = Date.now } = options;
  const regionalHost = `sts.${region}.amazonaws.com`;
  const issuer = createWebIdentityIssuer({ accountId, region, now });
  const actions = createStsActions({ accountId, issuer, now });
  const authenticate = createAuthenticator(options, now);

  const { answer, ...standIn } = await startStandIn({
    port,
    hosts: [regionalHost, 'sts.amazonaws.com'],
    now,
    see: (request) => ({ action: actionOf(request) }),
    serve: async (request) =>
      (await serveDiscovery(issuer, request)) ??
      stsAnswer(actionOf(request), await perform(actions, authenticate, request), formatFor(request)),
    refuse: (message) => stsAnswer('', stsFault('AccessDenied', message, 403), 'xml'),
  });

  return {
    ...standIn,
    issuer: issuer.issuer,
    jwksUrl: `${standIn.url}${JWKS_PATH}`,
    replayIdentityRequest: async (subjectToken) => {
      const request = identityRequest(subjectToken, regionalHost);
      if ('kind' in request) {
        return request;
      }
      const answered = await answer(request);
      return identityOf(typeof answered === 'string' ? '' : answered.body.toString());
    },
  };
}
