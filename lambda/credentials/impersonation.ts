import { textOf } from '../fields.ts';
import type { Endpoint, ExchangeResult } from '../google/exchange.ts';
import { USUAL_SECONDS } from '../policy/lifetimes.ts';
import type { Grant, Token } from '../types.ts';
import type { Claims } from './assertion.ts';
import { type AssertionParty, createAssertionSource } from './assertion-source.ts';
import { type AnsweredToken, generatedTokenOf, idTokenOf } from './token-answer.ts';
import type { SourceDependencies, SourceResult, TokenSource } from './token-source.ts';

/** Whom to impersonate, through whom, and where. */
export type ImpersonationTarget = {
  readonly serviceAccount: string;
  /** The accounts between the source and the target, the source's nearest first, by e-mail address. */
  readonly delegates: readonly string[];
  /** Of IAM Credentials. */
  readonly origin: string;
  /** Where assertions of the target's are exchanged, for tokens that act for a user. */
  readonly tokenUri: string;
  /** How long access tokens live, in seconds, if a grant does not say. */
  readonly lifetimeSeconds?: number;
};

/** The token that impersonates, whatever for. */
export type SourceToken = {
  /** Returns the token that is kept, or a new one; callers who come together get the same. */
  readonly get: (deadlineMs: number) => Promise<SourceResult>;
  /** Keeps a token no longer, if it is the one that is kept. */
  readonly forget: (token: Token) => void;
};

type Method = 'generateAccessToken' | 'generateIdToken' | 'signJwt';

/** IAM Credentials takes no narrower scope than this, or its own. */
const SOURCE_SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
/** A source token that is about to end is not worth a round trip. */
const MIN_SOURCE_LIFE_MS = 60_000;
/** So much time may be lost by joining those who ask already. */
const JOINING_LOSS_MS = 5_000;
const CLOCK_TOLERANCE_MS = 10_000;

/** Returns the keeper of the one token of `source` that impersonates: it serves for all targets and grants. */
export function keepSourceToken(source: TokenSource, now: () => number): SourceToken {
  const grant: Grant = { kind: 'access_token', credential: '', scopes: SOURCE_SCOPE };
  let kept: { readonly token: Token; readonly keptAtMs: number } | undefined;
  let asking: { readonly promise: Promise<SourceResult>; readonly deadlineMs: number } | undefined;

  const ask = async (deadlineMs: number): Promise<SourceResult> => {
    const result = await source(grant, deadlineMs);
    kept = result.outcome === 'granted' ? { token: result.token, keptAtMs: now() } : undefined;
    return result;
  };

  const keptToken = (): Token | undefined => {
    const nowMs = now();
    // A clock that says less than when the token was kept has been put back, and no one knows the token's age.
    const isGood =
      kept !== undefined &&
      nowMs >= kept.keptAtMs - CLOCK_TOLERANCE_MS &&
      kept.token.expiresAtMs - nowMs > MIN_SOURCE_LIFE_MS;
    return isGood ? kept?.token : undefined;
  };

  const askTogether = (deadlineMs: number): Promise<SourceResult> => {
    const mine = { promise: ask(deadlineMs), deadlineMs };
    const end = () => {
      asking = asking === mine ? undefined : asking;
    };
    asking = mine;
    mine.promise.then(end, end);
    return mine.promise;
  };

  return {
    get: async (deadlineMs) => {
      const token = keptToken();
      if (token !== undefined) {
        return { outcome: 'granted', token, googleMs: 0 };
      }
      // Whoever has much more time than those who ask already is not to fail with them.
      return await (asking !== undefined && asking.deadlineMs >= deadlineMs - JOINING_LOSS_MS
        ? asking.promise
        : askTogether(deadlineMs));
    },
    forget: (token) => {
      kept = kept?.token === token ? undefined : kept;
    },
  };
}

function resourceName(serviceAccount: string): string {
  return `projects/-/serviceAccounts/${serviceAccount}`;
}

function endpointFor({ origin, serviceAccount }: ImpersonationTarget, method: Method): Endpoint {
  return {
    kind: 'iam_credentials',
    url: new URL(`${origin}/v1/${resourceName(serviceAccount)}:${method}`),
  };
}

function withoutToken(what: string): SourceResult {
  const explanation = `Google’s IAM Credentials answered 200 without ${what} that can be used.`;
  return { outcome: 'refused', refusal: { cause: 'other', explanation } };
}

/**
 * Returns the source that acts as a service account: a token of the source asks IAM Credentials for one of the target's,
 * through the chain of delegates. For a token that acts for a user, and for a self-signed one, it has the target sign.
 *
 * @see https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts
 */
export function createImpersonation(
  target: ImpersonationTarget,
  sourceToken: SourceToken,
  dependencies: Pick<SourceDependencies, 'clock' | 'connectAhead' | 'exchange'>,
): TokenSource {
  const { exchange, clock, connectAhead } = dependencies;
  // While the source's own token is on its way.
  connectAhead(new URL(target.origin));
  const delegates = target.delegates.map(resourceName);

  type Called = {
    readonly result: ExchangeResult;
    readonly sourceMs: number;
    readonly isWorthAnother: boolean;
  };

  /** Whether a kept token is one that Google no longer accepts shows when it is used. */
  const callOnce = async (method: Method, body: object, deadlineMs: number): Promise<Called> => {
    const source = await sourceToken.get(deadlineMs);
    if (source.outcome === 'refused') {
      return { result: source, sourceMs: 0, isWorthAnother: false };
    }
    const { token, googleMs: sourceMs } = source;
    const json = { ...body, ...(delegates.length > 0 && { delegates }) };
    const result = await exchange(endpointFor(target, method), { bearer: token.value, json }, deadlineMs);
    const isOutdated = result.outcome === 'refused' && result.refusal.cause === 'outdated_token';
    if (isOutdated) {
      sourceToken.forget(token);
    }
    return { result, sourceMs, isWorthAnother: isOutdated && sourceMs === 0 };
  };

  /** A new token that is refused, too, is the credential's fault. */
  const call = async (method: Method, body: object, deadlineMs: number): Promise<Called> => {
    const first = await callOnce(method, body, deadlineMs);
    const last = first.isWorthAnother ? await callOnce(method, body, deadlineMs) : first;
    const { result } = last;
    return result.outcome === 'refused' && result.refusal.cause === 'outdated_token'
      ? { ...last, result: { ...result, refusal: { ...result.refusal, cause: 'outdated_credential' } } }
      : last;
  };

  const sign: AssertionParty['sign'] = async (claims: Claims, deadlineMs) => {
    const { result, sourceMs } = await call('signJwt', { payload: JSON.stringify(claims) }, deadlineMs);
    if (result.outcome === 'refused') {
      return result;
    }
    const jwt = textOf(result.fields.signedJwt);
    return jwt === undefined
      ? (withoutToken('a JWT') as Extract<SourceResult, { outcome: 'refused' }>)
      : { outcome: 'signed', jwt, googleMs: sourceMs + result.googleMs };
  };

  const signing = createAssertionSource(
    { clientEmail: target.serviceAccount, tokenUri: target.tokenUri, sign },
    dependencies,
  );

  const generate = async (grant: Grant, deadlineMs: number): Promise<SourceResult> => {
    const [method, body]: readonly [Method, object] =
      grant.kind === 'id_token'
        ? ['generateIdToken', { audience: grant.audience, includeEmail: true }]
        : [
            'generateAccessToken',
            {
              scope: grant.scopes.split(' '),
              lifetime: `${grant.lifetimeSeconds ?? target.lifetimeSeconds ?? USUAL_SECONDS}s`,
            },
          ];
    const { result, sourceMs } = await call(method, body, deadlineMs);
    if (result.outcome === 'refused') {
      return result;
    }
    const token: AnsweredToken | undefined =
      grant.kind === 'id_token'
        ? idTokenOf(result.fields.token)
        : generatedTokenOf(result.fields, clock.googleMs());
    return token === undefined
      ? withoutToken('a token')
      : {
          outcome: 'granted',
          token: { ...token, principal: target.serviceAccount },
          googleMs: sourceMs + result.googleMs,
        };
  };

  return async (grant, deadlineMs) => {
    const needsSignature =
      grant.kind === 'access_token' && (grant.subject !== undefined || grant.selfSigned === true);
    return await (needsSignature ? signing : generate)(grant, deadlineMs);
  };
}
