import type { Impersonation } from '../types.ts';
import type { SourceDependencies, TokenSource } from './token-source.ts';

/** Where Google's services are that the terms need, by the credential's document. */
export type TermsOrigins = {
  readonly iamCredentials: string;
  readonly oauth2: string;
  readonly sts: string;
};

type Impersonate = (whom: Impersonation) => TokenSource;

/** What impersonates is loaded for the first grant that wants it; one token of the credential serves for all targets. */
function createImpersonator(
  base: TokenSource,
  { iamCredentials: origin, oauth2 }: TermsOrigins,
  dependencies: SourceDependencies,
): () => Promise<Impersonate> {
  let loaded: Promise<Impersonate> | undefined;

  const load = async (): Promise<Impersonate> => {
    const { createImpersonation, keepSourceToken } = await import('./impersonation.ts');
    const sourceToken = keepSourceToken(base, dependencies.clock.googleMs);
    const places = { origin, tokenUri: `${oauth2}/token` };
    return (whom) => createImpersonation({ ...whom, ...places }, sourceToken, dependencies);
  };

  return () => {
    loaded ??= load();
    return loaded;
  };
}

/**
 * Returns the source that does what a grant asks for on top of its credential: it acts as another account, and downscopes
 * what it gets. All other terms are the credential's own to meet, or to refuse.
 */
export function withTerms(
  base: TokenSource,
  origins: TermsOrigins,
  dependencies: SourceDependencies,
): TokenSource {
  const impersonator = createImpersonator(base, origins, dependencies);

  const acting: TokenSource = async ({ impersonate: whom, ...grant }, deadlineMs) => {
    if (whom === undefined) {
      return await base(grant, deadlineMs);
    }
    const impersonate = await impersonator();
    return await impersonate(whom)(grant, deadlineMs);
  };

  return async (grant, deadlineMs) => {
    if (grant.kind === 'id_token' || grant.boundary === undefined) {
      return await acting(grant, deadlineMs);
    }
    const { createDownscoping } = await import('./downscoping.ts');
    const { boundary, ...whole } = grant;
    const downscoping = { tokenUrl: new URL(`${origins.sts}/v1/token`), boundary };
    return await createDownscoping(acting, downscoping, dependencies)(whole, deadlineMs);
  };
}
