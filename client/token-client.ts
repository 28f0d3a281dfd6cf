import { UsageError } from '../infra/usage-error.ts';
import type { AwsCredentials } from '../lambda/aws/aws-environment.ts';
import { createCache } from '../lambda/cache.ts';
import { type ErrorCode, VendError } from '../lambda/errors.ts';
import { createClock } from '../lambda/google/clock.ts';
import { createNetwork } from '../lambda/google/post.ts';
import { sleepFor } from '../lambda/sleep.ts';
import type { Minter, Token } from '../lambda/types.ts';
import type { CredentialsOption } from './aws-login.ts';
import { grantFor, lifeMs, requestFor } from './client-grant.ts';
import { type DoorDependencies, openDoor } from './open-door.ts';
import { readAnswer } from './vendor-answer.ts';

export type { AwsCredentials, CredentialsOption, ErrorCode };
export { UsageError, VendError };

/** An access token of Google's, for `Authorization: Bearer`. */
export type AccessToken = {
  readonly token: string;
  /** Milliseconds since the epoch, by this machine's clock. */
  readonly expiresAtMs: number;
  /** Full URIs, sorted. */
  readonly scopes: readonly string[];
  /** The e-mail address of the service account that it is of, where the vendor knows it. */
  readonly principal?: string;
};

/** An ID token of Google's, for whoever is its audience. */
export type IdToken = {
  readonly token: string;
  /** Milliseconds since the epoch, by this machine's clock. */
  readonly expiresAtMs: number;
  readonly audience: string;
  readonly principal?: string;
};

export type AccessTokenQuery = {
  /**
   * URIs or gcloud's aliases, as a list or as one string parted by spaces or commas.
   * @default - all that the profile has
   */
  readonly scopes?: string | readonly string[] | undefined;
  /** The e-mail address of the user to act for. */
  readonly subject?: string | undefined;
  readonly lifetimeSeconds?: number | undefined;
};

export type IdTokenQuery = { readonly audience: string };

/**
 * Gives tokens of one profile of a vendor. What it gives is cached as the vendor's own cache does it, and asked for once however many ask.
 *
 * Each of its functions rejects with a {@link VendError}: the vendor's own by its name, or that of what stands between.
 */
export type TokenClient = {
  readonly profile: string;
  readonly accessToken: (query?: AccessTokenQuery) => Promise<AccessToken>;
  readonly idToken: (query: IdTokenQuery) => Promise<IdToken>;
  /** The header that carries a token: an ID token if the query has an audience, otherwise an access token. */
  readonly headers: (query?: AccessTokenQuery | IdTokenQuery) => Promise<{ readonly authorization: string }>;
};

export type TokenClientOptions = {
  /**
   * The stack's output TokenApiUrl; requests are signed for `execute-api`. An address on loopback is taken for `npm start`.
   * @default - GCP_TOKEN_URL, if `functionName` is not given either
   */
  readonly url?: string | undefined;
  /**
   * The name or the ARN of the function; requests are signed for `lambda`, and the alias is the profile.
   * @default - GCP_TOKEN_FUNCTION, if `url` is not given either
   */
  readonly functionName?: string | undefined;
  /** @default - GCP_TOKEN_PROFILE if neither `url` nor `functionName` are given, otherwise `default` */
  readonly profile?: string | undefined;
  /** @default - what the URL or the ARN says, otherwise that of AWS's configuration */
  readonly region?: string | undefined;
  /** @default - the AWS default chain */
  readonly credentials?: CredentialsOption | undefined;
  /**
   * How long a token may take, all attempts together, in milliseconds.
   * @default 25000
   */
  readonly timeoutMs?: number | undefined;
};

export type TokenClientDependencies = Partial<DoorDependencies>;

const DEFAULT_TIMEOUT_MS = 25_000;
const MAX_TIMEOUT_MS = 900_000;

function checkTimeout(timeoutMs: number): number {
  if (!(timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS)) {
    throw new UsageError(`timeoutMs: ${timeoutMs} is not from 1 to ${MAX_TIMEOUT_MS} milliseconds.`);
  }
  return timeoutMs;
}

function whose({ principal }: Token): { readonly principal?: string } {
  return principal === undefined ? {} : { principal };
}

/**
 * Returns a client of the token vendor. It signs with the AWS credentials of wherever it runs, keeps what it got, and asks
 * again where that may help. Nothing is sent or loaded before the first token is asked for.
 *
 * @throws {UsageError} for options that do not say which vendor, or say it wrongly
 */
export function createTokenClient(
  options: TokenClientOptions = {},
  dependencies: TokenClientDependencies = {},
): TokenClient {
  const {
    environment = process.env,
    now = Date.now,
    random = Math.random,
    sleep = sleepFor,
    post = createNetwork({ now }).post,
  } = dependencies;
  const timeoutMs = checkTimeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const { profile, ask } = openDoor(options, { environment, now, random, sleep, post });
  const scopesOf = new WeakMap<Token, readonly string[]>();

  const mint: Minter = async (grant, deadlineMs) => {
    const askedAtMs = now();
    const answer = await ask(requestFor(grant), deadlineMs);
    const { token, scopes } = readAnswer(grant, answer, askedAtMs);
    scopesOf.set(token, scopes);
    return { token, cached: false, googleMs: 0 };
  };
  const vend = createCache(mint, { clock: createClock({ now }), lifeMs, sleep });

  const tokenFor = async (query: AccessTokenQuery | IdTokenQuery): Promise<Token> =>
    (await vend(grantFor(query, profile), now() + timeoutMs)).token;

  const accessToken: TokenClient['accessToken'] = async ({ scopes, subject, lifetimeSeconds } = {}) => {
    const token = await tokenFor({ scopes, subject, lifetimeSeconds });
    const { value, expiresAtMs } = token;
    return { token: value, expiresAtMs, scopes: scopesOf.get(token) ?? [], ...whose(token) };
  };

  const idToken: TokenClient['idToken'] = async ({ audience }) => {
    const token = await tokenFor({ audience });
    return { token: token.value, expiresAtMs: token.expiresAtMs, audience, ...whose(token) };
  };

  return {
    profile,
    accessToken,
    idToken,
    headers: async (query = {}) => {
      const { token } = await ('audience' in query ? idToken(query) : accessToken(query));
      return { authorization: `Bearer ${token}` };
    },
  };
}
