import { expandScopes } from '../../lambda/policy/scopes.ts';
import type { AccessToken, IdToken, TokenClient } from '../token-client.ts';
import { createDenials, isDenial } from './denials.ts';
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
  const unlessDenied = createDenials(now);
  let learnedEmail: string | undefined;

  const vend = async <Vended extends AccessToken | IdToken>(
    what: string,
    work: () => Promise<Vended>,
  ): Promise<Vended> => {
    const vended = await unlessDenied(what, () => ask(`${profile} ${what}`, work));
    learnedEmail = vended.principal ?? learnedEmail;
    return vended;
  };

  const vendAccess = (scopes: readonly string[]): Promise<AccessToken> => {
    const query = scopes.length === 0 ? {} : { scopes };
    return vend(`access ${scopes.join(' ')}`, () => client.accessToken(query));
  };

  const accessToken: Account['accessToken'] = async (asked) => {
    const scopes = expandScopes(asked);
    try {
      return await vendAccess(scopes);
    } catch (error) {
      if (!isDenial(error) || scopes.length === 0) {
        throw error;
      }
      const token = await vendAccess([]);
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
      return await vendAccess([]);
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
    idToken: (audience) => vend(`identity ${audience}`, () => client.idToken({ audience })),
  };
}
