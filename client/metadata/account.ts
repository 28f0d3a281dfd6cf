import { VendError } from '../../lambda/errors.ts';
import { expandScopes } from '../../lambda/policy/scopes.ts';
import type { AccessToken, IdToken, TokenClient } from '../token-client.ts';
import type { Ask } from './vendor-gate.ts';

/** A profile as the metadata server shows it: a service account. What is not known of it yet is asked for when needed. */
export type Account = {
  /** The name of its profile. */
  readonly profile: string;
  /** Returns what is known of its address without asking anybody. */
  readonly knownEmail: () => string | undefined;
  /** Returns its address, `undefined` if the vendor does not know it. @throws {VendError} */
  readonly email: () => Promise<string | undefined>;
  /** Returns the scopes of its profile, none if it gives no access tokens. @throws {VendError} */
  readonly scopes: () => Promise<readonly string[]>;
  /** Returns a token for `scopes`, all of the profile's if there are none. @throws {VendError} */
  readonly accessToken: (scopes: readonly string[]) => Promise<AccessToken>;
  /** @throws {VendError} */
  readonly idToken: (audience: string) => Promise<IdToken>;
};

export type AccountDependencies = {
  readonly ask: Ask;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: (line: string) => void;
};

/** Whoever mends a profile or a policy does not want to wait for it to be believed. */
const DENIAL_MEMORY_MS = 10_000;
const MAX_DENIALS = 100;

function isDenial(error: unknown): error is VendError {
  return error instanceof VendError && error.code === 'access_denied';
}

/** Remembers for a few seconds what the vendor has denied, so that it is not asked again at every request. */
function createDenials(now: () => number) {
  const denials = new Map<string, { readonly error: VendError; readonly untilMs: number }>();

  return {
    of: (what: string): VendError | undefined => {
      const denial = denials.get(what);
      return denial !== undefined && now() < denial.untilMs ? denial.error : undefined;
    },
    note: (what: string, error: VendError): void => {
      denials.delete(what);
      denials.set(what, { error, untilMs: now() + DENIAL_MEMORY_MS });
      if (denials.size > MAX_DENIALS) {
        denials.delete(denials.keys().next().value ?? what);
      }
    },
  };
}

/**
 * Returns the account that `client` gives the tokens of. Scopes that the profile does not allow are passed over, as Compute
 * Engine does with all that are asked of it: libraries ask for more than a program needs, and a token with what the
 * profile has is never more than its caller may have.
 *
 * @see https://cloud.google.com/compute/docs/access/service-accounts#accesscopesiam
 */
export function createAccount(
  client: TokenClient,
  givenEmail: string | undefined,
  { ask, now, log }: AccountDependencies,
): Account {
  const { profile } = client;
  const denials = createDenials(now);
  let learnedEmail: string | undefined;

  const learn = <Vended extends AccessToken | IdToken>(vended: Vended): Vended => {
    learnedEmail = vended.principal ?? learnedEmail;
    return vended;
  };

  const vend = async (scopes: readonly string[]): Promise<AccessToken> => {
    const what = scopes.join(' ');
    const denied = denials.of(what);
    if (denied !== undefined) {
      throw denied;
    }
    try {
      const query = scopes.length === 0 ? {} : { scopes };
      return learn(await ask(`${profile} access ${what}`, () => client.accessToken(query)));
    } catch (error) {
      if (isDenial(error)) {
        denials.note(what, error);
      }
      throw error;
    }
  };

  const accessToken: Account['accessToken'] = async (asked) => {
    const scopes = expandScopes(asked);
    try {
      return await vend(scopes);
    } catch (error) {
      if (!isDenial(error) || scopes.length === 0) {
        throw error;
      }
      const token = await vend([]);
      log(
        `profile ${profile} does not allow all of the scopes that were asked for; the token is for those it has`,
      );
      return token;
    }
  };

  const knownEmail = () => givenEmail ?? learnedEmail;

  /** Returns what all of the profile's scopes give, `undefined` where it gives no access tokens. */
  const whole = async (): Promise<AccessToken | undefined> => {
    try {
      return await vend([]);
    } catch (error) {
      if (isDenial(error)) {
        return undefined;
      }
      throw error;
    }
  };

  return {
    profile,
    knownEmail,
    email: async () => knownEmail() ?? (await whole())?.principal,
    scopes: async () => (await whole())?.scopes ?? [],
    accessToken,
    idToken: async (audience) =>
      learn(await ask(`${profile} identity ${audience}`, () => client.idToken({ audience }))),
  };
}
