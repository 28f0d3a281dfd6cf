import { Duration, Fn, Lazy, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { ThrottleSettings } from 'aws-cdk-lib/aws-apigatewayv2';
import type { IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Alias, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct, type IDependable } from 'constructs';
import { OAUTH_ENTRY, OAUTH_REGISTRAR_ENTRY } from './bundle.ts';
import { createOAuthAlarms, type OAuthAlarms } from './oauth-alarms.ts';
import { ClientSecrets } from './oauth-client-secrets.ts';
import { type ClientEntry, clientsVariable, secretsPrefix } from './oauth-clients-variable.ts';
import { allowConnectionUpdates } from './oauth-connection-access.ts';
import { createOAuthFunction, type OAuthFunction } from './oauth-function.ts';
import type { OAuthClientGrant } from './oauth-request.ts';
import type { TokenApi } from './token-api.ts';

export type OAuthServerProps = {
  readonly api: TokenApi;
  readonly vendor: LambdaFunction;
  readonly throttle: ThrottleSettings;
  readonly logRetention: RetentionDays;
  readonly alarmActions: readonly IAlarmAction[];
};

/** A client that is to be made. */
export type NewClient = {
  readonly id: string;
  readonly profile: string;
  readonly alias: Alias;
  readonly grant: OAuthClientGrant;
  readonly rotateAfter: Duration;
  readonly connectionName?: string;
};

/** A client that is there, and what has to be deployed before it can have a token. */
export type MadeClient = {
  readonly id: string;
  readonly secret: Secret;
  readonly tokenUrl: string;
  readonly ready: readonly IDependable[];
};

/**
 * `POST /oauth/token` of a vendor: a function that authenticates OAuth clients and asks the vendor for them, and one that
 * registers them and rotates their secrets. Neither has a credential of Google's.
 */
export class OAuthServer extends Construct {
  readonly tokenUrl: string;
  readonly function: LambdaFunction;
  readonly registrar: LambdaFunction;
  readonly alarms: OAuthAlarms;
  readonly #key: Key;
  readonly #oauth: OAuthFunction;
  readonly #registration: OAuthFunction;
  readonly #ready: readonly IDependable[];
  readonly #clients: ClientEntry[] = [];
  #updatesConnections = false;

  constructor(scope: Construct, id: string, { api, vendor, ...props }: OAuthServerProps) {
    super(scope, id);
    const { logRetention } = props;
    this.#key = new Key(this, 'Key', {
      description: "Encrypts the secrets of the token vendor's OAuth clients",
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.#oauth = createOAuthFunction(this, 'Function', {
      description: "Gives the token vendor's tokens to OAuth clients",
      roleDescription: 'Reads the digests of OAuth clients and asks the token vendor for them',
      entry: OAUTH_ENTRY,
      timeout: Duration.seconds(29),
      logRetention,
      environment: {
        VENDOR_FUNCTION: vendor.functionName,
        SECRETS: secretsPrefix(this),
        CLIENTS: Lazy.string({ produce: () => clientsVariable(this, this.#clients) }),
      },
    });
    this.function = this.#oauth.fn;
    const { url, ready } = api.addOAuth(this.function, props.throttle);
    this.tokenUrl = url;
    this.#ready = ready;
    this.#registration = createOAuthFunction(this, 'Registrar', {
      description: "Registers the token vendor's OAuth clients and rotates their secrets",
      roleDescription: 'Rotates the secrets of OAuth clients and writes their digests',
      entry: OAUTH_REGISTRAR_ENTRY,
      timeout: Duration.minutes(2),
      logRetention,
      environment: { TOKEN_URL: url },
    });
    this.registrar = this.#registration.fn;
    this.alarms = createOAuthAlarms(this, {
      fn: this.function,
      registrar: this.registrar,
      actions: props.alarmActions,
    });
    this.#allowKey(this.#oauth, ['kms:Decrypt']);
    this.#allowKey(this.#registration, ['kms:Decrypt', 'kms:GenerateDataKey']);
  }

  /** Part of the names of this vendor's connections, which no other stack's have. */
  get suffix(): string {
    return Fn.select(2, Fn.split('/', Stack.of(this).stackId));
  }

  /** Makes a client with its secrets, and lets the functions do what they do for it. */
  addClient({ id, profile, alias, grant, rotateAfter, connectionName }: NewClient): MadeClient {
    const secrets = new ClientSecrets(this, id, {
      clientId: id,
      key: this.#key,
      registrar: this.registrar,
      rotateAfter,
      connectionName,
    });
    const { secret, registry } = secrets;
    this.#clients.push({ id, profile, grant, registry });
    this.#allow(this.#oauth, ['lambda:InvokeFunction'], alias.functionArn);
    this.#allow(this.#oauth, ['secretsmanager:GetSecretValue'], registry.secretArn);
    const rotate = ['DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'];
    this.#allow(
      this.#registration,
      rotate.map((action) => `secretsmanager:${action}`),
      secret.secretArn,
    );
    const write = ['secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue'];
    this.#allow(this.#registration, write, registry.secretArn);
    if (connectionName !== undefined && !this.#updatesConnections) {
      this.#updatesConnections = true;
      allowConnectionUpdates(this.#registration.role, this.suffix);
    }
    const answering = [this.function, this.#oauth.role, ...this.#ready];
    const registration = secrets.register(answering);
    // The statements above are in the roles' own policies, which are their children.
    registration.node.addDependency(this.#registration.role);
    return { id, secret, tokenUrl: this.tokenUrl, ready: [registration, ...answering] };
  }

  #allow({ role }: OAuthFunction, actions: readonly string[], resource: string): void {
    role.addToPolicy(new PolicyStatement({ actions: [...actions], resources: [resource] }));
  }

  /** Nothing but the clients' secrets is encrypted with it, and which of them the role may read is said beside this. */
  #allowKey({ role }: OAuthFunction, actions: readonly string[]): void {
    role.addToPolicy(
      new PolicyStatement({
        actions: [...actions],
        resources: [this.#key.keyArn],
        conditions: {
          StringEquals: { 'kms:ViaService': `secretsmanager.${Stack.of(this).region}.amazonaws.com` },
        },
      }),
    );
  }
}
