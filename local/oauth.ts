import { createInvokeFunction } from '../lambda/aws/invoke-function.ts';
import { createClock } from '../lambda/google/clock.ts';
import { createNetwork } from '../lambda/google/post.ts';
import type { Handler } from '../lambda/handler.ts';
import { createClientAuthentication } from '../lambda/oauth/authenticate-client.ts';
import { createClientSecret, digestSecret } from '../lambda/oauth/client-secret.ts';
import type { OAuthAudit, OAuthVisit } from '../lambda/oauth/oauth-audit.ts';
import type { ClientGrant, OAuthClient } from '../lambda/oauth/oauth-clients.ts';
import { createOAuthHandler } from '../lambda/oauth/oauth-handler.ts';
import { createVendToClient } from '../lambda/oauth/vend-to-client.ts';
import type { Profile, Profiles } from '../lambda/policy/profiles.ts';
import type { LocalCredential } from './aws/sigv4.ts';
import { FUNCTION_NAME, REGION } from './place.ts';

/** A client of the local `POST /oauth/token`, with its secret, which is good as long as the process lives. */
export type LocalOAuthClient = {
  readonly id: string;
  readonly secret: string;
  readonly profile: string;
  readonly grant: ClientGrant;
};

export type LocalOAuth = {
  readonly handler: Handler;
  readonly clients: readonly LocalOAuthClient[];
  readonly close: () => void;
};

export type LocalOAuthOptions = {
  readonly profiles: Profiles;
  /** Who the function is to the local Lambda API. */
  readonly credential: LocalCredential;
  /** Where that is; asked when it is needed. */
  readonly lambdaUrl: () => string;
  readonly log: (line: string) => void;
};

/** A wildcard is no audience: a client is bound to one. */
function grantsOf({ scopes, audiences }: Profile): readonly (readonly [kind: string, grant: ClientGrant])[] {
  const audience = audiences.find((pattern) => !pattern.includes('*'));
  return [
    ...(scopes.length === 0 ? [] : [['access', { scopes }] as const]),
    ...(audience === undefined ? [] : [['id', { audience }] as const]),
  ];
}

function describe(visit: OAuthVisit): string {
  const who = visit.known ? visit.claimed : 'no client';
  return `oauth ${who}: ${'refusal' in visit ? `${visit.refusal.code}: ${visit.refusal.message}` : 'vended'}`;
}

/**
 * Returns the OAuth function for this machine, before the local Lambda API: the handler that CDK deploys, with a client for what
 * each profile vends, whose secrets are in memory alone.
 */
export function createLocalOAuth({ profiles, credential, lambdaUrl, log }: LocalOAuthOptions): LocalOAuth {
  const made: readonly LocalOAuthClient[] = [...profiles.values()].flatMap((profile) =>
    grantsOf(profile).map(([kind, grant]) => ({
      id: `${profile.name}-${kind}`,
      secret: createClientSecret(),
      profile: profile.name,
      grant,
    })),
  );
  const clients = new Map(
    made.map(({ id, profile, grant }): [string, OAuthClient] => [id, { id, profile, grant, registry: id }]),
  );
  const digests = new Map(made.map(({ id, secret }) => [id, [digestSecret(secret)]]));
  const { post, close } = createNetwork();
  const clock = createClock();
  const aws = { region: async () => REGION, credentials: async () => credential };
  const audit: OAuthAudit = { record: (visit) => log(describe(visit)) };
  const handler = createOAuthHandler({
    clients,
    authenticate: createClientAuthentication({
      clients,
      registries: {
        current: async ({ id }) => digests.get(id) ?? [],
        reread: async () => undefined,
      },
    }),
    vend: createVendToClient(FUNCTION_NAME, (target, payload, deadlineMs) =>
      createInvokeFunction({ aws, post, clock, url: lambdaUrl() })(target, payload, deadlineMs),
    ),
    clock,
    audit,
  });
  return { handler, clients: made, close };
}
