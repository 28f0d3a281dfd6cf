import type { Connection, IConnection } from 'aws-cdk-lib/aws-events';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Alias } from 'aws-cdk-lib/aws-lambda';
import type { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import type { Profile } from '../lambda/policy/profiles.ts';
import type { CallFunction } from './call-function.ts';
import { type CallTaskProps, createCallTask } from './call-task.ts';
import { grantInvoke } from './invoke-grant.ts';
import {
  type ConnectionProps,
  createConnection,
  createOAuthClient,
  type OAuthClientHandle,
  type OAuthClientProps,
} from './oauth-connection.ts';
import type { OAuthServer } from './oauth-server.ts';
import { createVendTask, type VendTaskProps } from './vend-task.ts';

/** One profile of a vendor, as a thing that others can be given the use of. */
export type VendorProfile = {
  readonly name: string;
  /** The Lambda alias that is the profile. */
  readonly alias: Alias;
  /** The ARNs of its routes; none without the HTTP API. */
  readonly routeArns: readonly string[];
  /**
   * Lets `grantee` have the profile's tokens, by Lambda and by HTTP: exactly its alias and its routes.
   *
   * @throws {UsageError} if the grantee has no policy that could be written here: a principal of another account, a service
   */
  readonly grantVend: (grantee: IGrantable) => Grant;
  /**
   * Returns a Step Functions task that asks this profile for a token.
   *
   * The token stays in the execution's history, as every result of a state does.
   *
   * @throws {UsageError} if the profile does not allow what a literal request asks for
   */
  readonly vendTask: (scope: Construct, id: string, props: VendTaskProps) => LambdaInvoke;
  /**
   * Returns a Step Functions task that calls a private service with an ID token of this profile, which is in no state's input or
   * result. The first makes the function that makes the calls of all.
   *
   * @throws {UsageError} if the profile does not allow what is known of the call
   */
  readonly callTask: (scope: Construct, id: string, props: CallTaskProps) => LambdaInvoke;
  /**
   * Returns an EventBridge connection that authorizes with this profile's token: an ID token for an `audience`, or an access
   * token for `scopes`. API destinations and `HttpInvoke` tasks take it; no token comes into a template, a state or a history.
   *
   * @throws {UsageError} if the profile does not allow it, or there is no HTTP API
   */
  readonly connection: (scope: Construct, id: string, props: ConnectionProps) => Connection & IConnection;
  /**
   * Returns a client of `POST /oauth/token` for what can only speak OAuth and is not EventBridge; its secret is in Secrets Manager.
   *
   * @throws {UsageError} if the profile does not allow it, or there is no HTTP API
   */
  readonly oauthClient: (scope: Construct, id: string, props: OAuthClientProps) => OAuthClientHandle;
};

function grantVend(name: string, alias: Alias, routeArns: readonly string[], grantee: IGrantable): Grant {
  const grant = grantInvoke(`The profile ${name}`, alias, grantee);
  return routeArns.length === 0
    ? grant
    : grant.combine(
        Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns: [...routeArns] }),
      );
}

/** Returns the profile over its alias and its routes. */
export function createVendorProfile(parts: {
  readonly profile: Profile;
  readonly alias: Alias;
  readonly routeArns: readonly string[];
  readonly oauthServer: () => OAuthServer;
  /** Makes the function that calls services for the profile. */
  readonly createCallFunction: () => CallFunction;
}): VendorProfile {
  const { profile, alias, routeArns, oauthServer: server, createCallFunction } = parts;
  const oauth = { profile, alias, server };
  let callFunction: CallFunction | undefined;
  const openCallFunction = () => {
    callFunction ??= createCallFunction();
    return callFunction;
  };
  return {
    name: profile.name,
    alias,
    routeArns,
    grantVend: (grantee) => grantVend(profile.name, alias, routeArns, grantee),
    vendTask: (scope, id, props) => createVendTask(scope, id, { ...props, profile, alias }),
    callTask: (scope, id, props) => createCallTask(scope, id, { profile, openCallFunction, props }),
    connection: (scope, id, props) => createConnection(oauth, { scope, id }, props),
    oauthClient: (scope, id, props) => createOAuthClient(oauth, { scope, id }, props),
  };
}
