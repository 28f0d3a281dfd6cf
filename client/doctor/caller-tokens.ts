import { VendError } from '../../lambda/errors.ts';
import type { AccessToken, IdToken, TokenClient } from '../token-client.ts';
import { brokenBy, type CallerChain, type Finding } from './caller-chain.ts';

/** Which tokens are asked for. */
export type TokenWish = {
  /** `undefined` for all of the profile's. */
  readonly scopes: string | undefined;
  /** `undefined` for no ID token. */
  readonly audience: string | undefined;
};

type Attempt<Token> = { readonly ms: number } & ({ readonly token: Token } | { readonly error: unknown });

async function attempt<Token>(ask: () => Promise<Token>, now: () => number): Promise<Attempt<Token>> {
  const startedAtMs = now();
  try {
    const token = await ask();
    return { token, ms: Math.round(now() - startedAtMs) };
  } catch (error) {
    return { error, ms: Math.round(now() - startedAtMs) };
  }
}

function minutesLeft(expiresAtMs: number, nowMs: number): string {
  return `good for another ${Math.floor((expiresAtMs - nowMs) / 60_000)} min`;
}

/** A profile may give the one kind of token and not the other: then the denial of the other breaks nothing. */
function mayDeny(error: unknown, other: Attempt<unknown> | undefined): boolean {
  return (
    error instanceof VendError && error.code === 'access_denied' && other !== undefined && 'token' in other
  );
}

function finding<Token>(
  made: Attempt<Token>,
  other: Attempt<unknown> | undefined,
  describe: (token: Token) => string,
): Finding {
  const { ms } = made;
  if ('token' in made) {
    return { outcome: 'ok', detail: describe(made.token), ms };
  }
  const broken = brokenBy(made.error);
  return mayDeny(made.error, other)
    ? { outcome: 'skipped', detail: `this profile gives none: ${broken.detail}` }
    : { ...broken, ms };
}

function accountOf(principals: readonly (string | undefined)[], hasToken: boolean): Finding {
  if (!hasToken) {
    return { outcome: 'skipped', detail: 'not reached' };
  }
  const principal = principals.find((one) => one !== undefined);
  return principal === undefined
    ? {
        outcome: 'warning',
        detail: 'the vendor does not say whose tokens these are; a metadata server must be told (--email)',
      }
    : { outcome: 'ok', detail: principal };
}

/** Examines whether the profile gives the tokens that are asked for, and whose they are. */
export async function examineTokens(
  chain: CallerChain,
  client: TokenClient,
  { scopes, audience }: TokenWish,
  now: () => number,
): Promise<void> {
  const idTokenMade =
    audience === undefined ? undefined : await attempt(() => client.idToken({ audience }), now);
  const accessMade = await attempt(() => client.accessToken({ scopes }), now);

  chain.note(
    'access token',
    finding(
      accessMade,
      idTokenMade,
      (token: AccessToken) => `${minutesLeft(token.expiresAtMs, now())}, for ${token.scopes.join(' ')}`,
    ),
  );
  chain.note(
    'ID token',
    idTokenMade === undefined
      ? { outcome: 'skipped', detail: 'not asked for: name whom it is for with --audience' }
      : finding(
          idTokenMade,
          accessMade,
          (token: IdToken) => `${minutesLeft(token.expiresAtMs, now())}, for ${token.audience}`,
        ),
  );
  const made = [accessMade, idTokenMade].flatMap((one) =>
    one !== undefined && 'token' in one ? [one.token] : [],
  );
  chain.note(
    'account',
    accountOf(
      made.map(({ principal }) => principal),
      made.length > 0,
    ),
  );
}
