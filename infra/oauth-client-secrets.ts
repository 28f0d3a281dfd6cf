import { CustomResource, Duration, RemovalPolicy, Stack, Tags, Validations } from 'aws-cdk-lib';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnRotationSchedule, type CfnSecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct, type IDependable } from 'constructs';
import { UsageError } from './usage-error.ts';

const PASSWORD_LENGTH = 64;
const MAX_ROTATION_DAYS = 1_000;
const REGISTRATION_TIMEOUT = Duration.minutes(3);

export type ClientSecretsProps = {
  readonly clientId: string;
  readonly key: Key;
  readonly registrar: LambdaFunction;
  readonly rotateAfter: Duration;
  /** The name of the EventBridge connection that shows the secret. */
  readonly connectionName: string | undefined;
};

function rotationDays(rotateAfter: Duration): number {
  const days = rotateAfter.toDays({ integral: false });
  if (!Number.isInteger(days) || days < 1 || days > MAX_ROTATION_DAYS) {
    throw new UsageError(`rotateAfter: ${days} days are not a whole number from 1 to ${MAX_ROTATION_DAYS}.`);
  }
  return days;
}

/**
 * The two secrets of an OAuth client: what it shows, made by Secrets Manager and rotated, and the registry, which has the
 * digests of those that are good and is all that the OAuth function reads.
 */
export class ClientSecrets extends Construct {
  /** `{"client_id", "client_secret"}`. */
  readonly secret: Secret;
  readonly registry: Secret;
  readonly #props: ClientSecretsProps;

  constructor(scope: Construct, id: string, props: ClientSecretsProps) {
    super(scope, id);
    this.#props = props;
    this.registry = this.#createRegistry();
    this.secret = this.#createSecret();
  }

  /** Has the client registered at deployment, and its secret rotated, for which `ready` has to be there. */
  register(ready: readonly IDependable[]): CustomResource {
    const { registrar, rotateAfter, clientId } = this.#props;
    const registration = new CustomResource(this, 'Registration', {
      resourceType: 'Custom::GoogleOAuthClient',
      serviceToken: registrar.functionArn,
      serviceTimeout: REGISTRATION_TIMEOUT,
      properties: { ClientId: clientId, Secret: this.secret.secretArn },
    });
    registrar.addPermission(`Rotate-${clientId}`, {
      scope: this,
      principal: new ServicePrincipal('secretsmanager.amazonaws.com'),
      sourceArn: this.secret.secretArn,
      sourceAccount: Stack.of(this).account,
    });
    const rotation = new CfnRotationSchedule(this, 'Rotation', {
      secretId: this.secret.secretArn,
      rotationLambdaArn: registrar.functionArn,
      // It would race with the deployment that registers the first secret.
      rotateImmediatelyOnUpdate: false,
      rotationRules: { automaticallyAfterDays: rotationDays(rotateAfter) },
    });
    rotation.node.addDependency(...ready, registration, this.node.findChild(`Rotate-${clientId}`));
    return registration;
  }

  /** It has no value until the registrar writes one. */
  #createRegistry(): Secret {
    const registry = new Secret(this, 'Registry', {
      description: `Digests of the secrets of the OAuth client ${this.#props.clientId}; no secret is in it`,
      encryptionKey: this.#props.key,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    (registry.node.defaultChild as CfnSecret).generateSecretString = undefined;
    Validations.of(registry).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason: 'It holds digests, which are written anew at each rotation of the secret that they are of.',
    });
    return registry;
  }

  #createSecret(): Secret {
    const { clientId, key, connectionName } = this.#props;
    const secret = new Secret(this, 'Secret', {
      description: `What the OAuth client ${clientId} of the token vendor authenticates with`,
      encryptionKey: key,
      removalPolicy: RemovalPolicy.DESTROY,
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ client_id: clientId }),
        generateStringKey: 'client_secret',
        passwordLength: PASSWORD_LENGTH,
        excludePunctuation: true,
      },
    });
    Tags.of(secret).add('gcp-token-vendor:registry', this.registry.secretArn);
    if (connectionName !== undefined) {
      Tags.of(secret).add('gcp-token-vendor:connection', connectionName);
    }
    return secret;
  }
}
