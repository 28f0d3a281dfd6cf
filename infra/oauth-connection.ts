import { createHash } from 'node:crypto';
import { Duration, Stack, Token } from 'aws-cdk-lib';
import {
  Authorization,
  Connection,
  HttpMethod,
  HttpParameter,
  type IConnection,
} from 'aws-cdk-lib/aws-events';
import type { Alias } from 'aws-cdk-lib/aws-lambda';
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { Profile } from '../lambda/policy/profiles.ts';
import { type OAuthClientRequest, oauthGrant } from './oauth-request.ts';
import type { MadeClient, OAuthServer } from './oauth-server.ts';
import { UsageError } from './usage-error.ts';

/** What a client is bound to, and how long its secret is the current one. */
export type OAuthClientProps = OAuthClientRequest & {
  /**
   * After how many days its secret is rotated; the one before stays good until the next rotation.
   * @default Duration.days(30)
   */
  readonly rotateAfter?: Duration;
};

export type ConnectionProps = OAuthClientProps & { readonly description?: string };

/** An OAuth client that is not EventBridge, for whoever operates it. */
export type OAuthClientHandle = {
  readonly clientId: string;
  /** `{"client_id", "client_secret"}`, rotated: `secret.grantRead(role)` lets a role have it. */
  readonly secret: Secret;
  /** Where it asks: `POST`, `grant_type=client_credentials`. */
  readonly tokenUrl: string;
};

/** The profile that clients are made of. */
export type OAuthProfile = {
  readonly profile: Profile;
  readonly alias: Alias;
  /** Makes the server when the first client is asked for. @throws {UsageError} if there cannot be one */
  readonly server: () => OAuthServer;
};

const ID_DIGITS = 16;
const MAX_PROFILE_IN_NAME = 18;
const MAX_DIGITS_IN_NAME = 8;
const DEFAULT_ROTATION = Duration.days(30);

/** Of the place in the tree, so that it stays the same from one deployment to the next, and is no other client's. */
function digitsOf(scope: Construct, id: string): string {
  return createHash('sha256').update(`${scope.node.path}/${id}`).digest('hex').slice(0, ID_DIGITS);
}

type Place = { readonly scope: Construct; readonly id: string };

function makeClient(
  { profile, alias, server }: OAuthProfile,
  { scope, id }: Place,
  { audience, scopes, rotateAfter = DEFAULT_ROTATION }: OAuthClientProps,
  connectionName?: string,
): MadeClient {
  return server().addClient({
    id: `${profile.name.slice(0, 60)}-${digitsOf(scope, id)}`,
    profile: profile.name,
    alias,
    grant: oauthGrant(profile, { audience, scopes } as OAuthClientRequest),
    rotateAfter,
    ...(connectionName !== undefined && { connectionName }),
  });
}

/** A connection's name ends at 64 characters. It is given, and not CloudFormation's, because the client's secret tells of it. */
function connectionNameFor({ profile, server }: OAuthProfile, { scope, id }: Place): string {
  const digits = digitsOf(scope, id).slice(0, MAX_DIGITS_IN_NAME);
  return `${profile.name.slice(0, MAX_PROFILE_IN_NAME)}-${digits}-${server().suffix}`;
}

/**
 * Returns an OAuth client of a profile, whose secret whoever operates it reads.
 *
 * @throws {UsageError} if the profile does not allow what it is bound to, or there is no HTTP API
 */
export function createOAuthClient(
  profile: OAuthProfile,
  place: Place,
  props: OAuthClientProps,
): OAuthClientHandle {
  const { id: clientId, secret, tokenUrl } = makeClient(profile, place, props);
  return { clientId, secret, tokenUrl };
}

/** CloudFormation reads its secret, and the registrar updates it, where the vendor is; and nowhere else. */
function requireSamePlace(place: Place, server: OAuthServer): void {
  const [here, vendors] = [Stack.of(place.scope), Stack.of(server)];
  for (const name of ['account', 'region'] as const) {
    const known = [here[name], vendors[name]].filter((value) => !Token.isUnresolved(value));
    if (new Set(known).size > 1) {
      throw new UsageError(
        `The connection ${place.id} is in the ${name} ${here[name]}, and its vendor in ${vendors[name]}: put the connection where the vendor is.`,
      );
    }
  }
}

/**
 * Returns an EventBridge connection that authorizes with a profile's token. EventBridge reads the client's secret from the
 * template's reference to it when the connection is made, and gets each later one from its rotation.
 *
 * @throws {UsageError} if the profile does not allow what it is bound to, or there is no HTTP API
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-auth.html
 */
export function createConnection(
  profile: OAuthProfile,
  place: Place,
  props: ConnectionProps,
): Connection & IConnection {
  requireSamePlace(place, profile.server());
  const connectionName = connectionNameFor(profile, place);
  const client = makeClient(profile, place, props, connectionName);
  const { description = `Google, as the profile ${profile.profile.name} of the token vendor allows` } = props;
  const connection = new Connection(place.scope, place.id, {
    connectionName,
    description,
    authorization: Authorization.oauth({
      authorizationEndpoint: client.tokenUrl,
      httpMethod: HttpMethod.POST,
      clientId: client.id,
      clientSecret: client.secret.secretValueFromJson('client_secret'),
      bodyParameters: { grant_type: HttpParameter.fromString('client_credentials') },
    }),
  });
  // EventBridge asks for its first token when the connection is made.
  connection.node.addDependency(...client.ready);
  // CDK's classes do not fit their own interfaces under exactOptionalPropertyTypes, which users may have on.
  return connection as Connection & IConnection;
}
