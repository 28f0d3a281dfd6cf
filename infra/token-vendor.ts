import { Duration, Stack } from 'aws-cdk-lib';
import type { ThrottleSettings } from 'aws-cdk-lib/aws-apigatewayv2';
import type { IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import type { ISecurityGroup, IVpc, SecurityGroup, SubnetSelection, Vpc } from 'aws-cdk-lib/aws-ec2';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import { Alias, type IVersion, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
// From `lambda/` come the parsers of what people write, the table of errors, and nothing else: so what is refused at
// synth is exactly what the function refuses.
import { DOCTOR_ALIAS } from '../lambda/doctor/doctor-alias.ts';
import { type Profile, type ProfilesDocument, parseProfiles } from '../lambda/policy/profiles.ts';
import { CallFunction } from './call-function.ts';
import type { CredentialDocuments } from './credential-documents.ts';
import { type CredentialSecrets, createCredentialSecret } from './credential-secrets.ts';
import { type GivenCredentials, openCredentials } from './credentials.ts';
import { grantInvoke } from './invoke-grant.ts';
import { OAuthServer } from './oauth-server.ts';
import type { AwsRole, SetupStep } from './setup-step.ts';
import { TokenApi } from './token-api.ts';
import { UsageError } from './usage-error.ts';
import { createVendorAlarms, type VendorAlarms } from './vendor-alarms.ts';
import { createVendorFunction } from './vendor-function.ts';
import { createVendorProfile, type VendorProfile } from './vendor-profile.ts';
import { vendorSetup } from './vendor-setup.ts';

/** What users of the construct may want to name, beside its props. */
export type { ProfilesDocument, VendorProfile };

export interface GcpTokenVendorProps {
  /** What may be vended, by the names of profiles. */
  readonly profiles: ProfilesDocument;

  /**
   * Google's credentials, by the names that profiles call them by: a secret that holds one, `{ document: {…} }` or
   * `{ file: 'federation.json' }` for one that holds no secret. Such are workload identity federation with AWS
   * (`external_account`), a service account whose key is in KMS (`aws_kms`, with `key` if it is to be yours), and
   * `impersonated_service_account` on top of one of them. The function gets those that a profile names, and no other.
   * @default - one new secret named `default`, empty, with a KMS key of its own; both stay when the stack goes
   */
  readonly credentials?: GivenCredentials;

  /**
   * Memory in MB. A vend takes few; but CPU grows with memory, and a cold start and a signature take CPU.
   * @default 512
   */
  readonly memorySize?: number;

  /**
   * How long a request may take. API Gateway gives up at 30 seconds, so more helps only those who invoke the function.
   * @default Duration.seconds(29)
   */
  readonly timeout?: Duration;

  /**
   * How many environments the function may have at most.
   * @default - the account's limit
   */
  readonly reservedConcurrentExecutions?: number;

  /**
   * How many environments are kept warm, by the names of profiles.
   * @default - none
   */
  readonly provisionedConcurrentExecutions?: Readonly<Record<string, number>>;

  /**
   * How long the function's log, the audit of who got which token, and the API's access log are kept.
   * @default RetentionDays.ONE_YEAR
   */
  readonly logRetention?: RetentionDays;

  /**
   * The VPC to put the function in. It must have a way to Google, and to Secrets Manager, STS or KMS if a credential is
   * read there, proven there or signed with there.
   * @default - none
   */
  readonly vpc?: IVpc | Vpc;

  /**
   * Where in the VPC.
   * @default - CDK's choice: private subnets with a way out
   */
  readonly vpcSubnets?: SubnetSelection;

  /**
   * The function's security groups in the VPC.
   * @default - a new one
   */
  readonly securityGroups?: readonly (ISecurityGroup | SecurityGroup)[];

  /**
   * Whether there is an HTTP API; without it the function can be invoked, and be a task of Step Functions.
   * @default true
   */
  readonly api?: boolean;

  /**
   * What the API takes of all callers together, in requests a second and in a burst.
   * @default - 100 a second, in bursts of 200
   */
  readonly throttle?: ThrottleSettings;

  /**
   * What `POST /oauth/token` takes of all OAuth clients together, and of whoever is none; there is no such route until a
   * profile is asked for a `connection` or an `oauthClient`.
   * @default - 50 a second, in bursts of 100
   */
  readonly oauthThrottle?: ThrottleSettings;

  /**
   * What a mint may take at the 99th percentile before an alarm is raised.
   * @default Duration.seconds(3)
   */
  readonly slowMint?: Duration;

  /**
   * What happens when one of the alarms is raised.
   * @default - nothing
   */
  readonly alarmActions?: readonly IAlarmAction[];
}

function requireKnown(what: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(
      `${what}: there is no profile "${unknown.join('", "')}"; there are: ${known.join(', ')}`,
    );
  }
}

/**
 * Vends short-lived Google tokens to AWS workloads, by profile: `vendor.profile('reports').grantVend(role)`.
 *
 * Each profile is a Lambda alias and, with the API, a route under IAM authorization. Whom it is not granted may use it
 * only if a policy of the account's is wide enough already, such as `lambda:InvokeFunction` on everything.
 */
export class GcpTokenVendor extends Construct {
  readonly function: LambdaFunction;
  /** The HTTP API; `undefined` with `api: false`. */
  readonly api: TokenApi | undefined;
  /** The secrets of the credentials that profiles mint from, by name; those without a secret are in `documents`. */
  readonly credentials: CredentialSecrets;
  /** The credentials without a secret that profiles mint from, by name. */
  readonly documents: CredentialDocuments;
  /** The alias by which the function says what it can do with its credentials. No profile has it, and no route. */
  readonly doctor: Alias;
  readonly alarms: VendorAlarms;
  /**
   * The commands that make Google take the function for what its documents say, in the order to run them; none for secrets.
   * CloudFormation is yet to put the role into some: a stack prints them as outputs, as `TokenVendorStack` does.
   */
  readonly googleSetup: readonly SetupStep[];
  readonly #profiles: ReadonlyMap<string, VendorProfile>;
  readonly #createOAuth: () => OAuthServer;
  #oauth: OAuthServer | undefined;

  /**
   * @throws {ProfilesError} with every fault of the profiles
   * @throws {UsageError} if what is given does not go together
   */
  constructor(scope: Construct, id: string, props: GcpTokenVendorProps) {
    super(scope, id);
    const profiles = parseProfiles(props.profiles);
    const logRetention = props.logRetention ?? RetentionDays.ONE_YEAR;
    const provisioned = new Map(Object.entries(props.provisionedConcurrentExecutions ?? {}));
    requireKnown('provisionedConcurrentExecutions', [...provisioned.keys()], [...profiles.keys()]);
    const given = props.credentials ?? { default: createCredentialSecret(this) };
    const credentials = openCredentials(this, profiles, given);
    this.credentials = credentials.secrets;
    this.documents = credentials.documents;
    this.function = createVendorFunction(this, {
      profiles: props.profiles,
      credentials,
      memorySize: props.memorySize ?? 512,
      timeout: props.timeout ?? Duration.seconds(29),
      logRetention,
      reservedConcurrentExecutions: props.reservedConcurrentExecutions,
      vpc: props.vpc,
      vpcSubnets: props.vpcSubnets,
      securityGroups: props.securityGroups,
    });
    this.googleSetup = vendorSetup(this.documents, profiles, this.#awsRole());
    this.api =
      props.api === false
        ? undefined
        : new TokenApi(this, 'Api', {
            throttle: props.throttle ?? { rateLimit: 100, burstLimit: 200 },
            logRetention,
          });
    this.#createOAuth = () => this.#openOAuth(props, logRetention);
    this.#profiles = new Map(
      [...profiles.values()].map((profile) => [
        profile.name,
        this.#open(profile, { provisioned: provisioned.get(profile.name), logRetention }),
      ]),
    );
    this.doctor = this.#alias('Doctor', DOCTOR_ALIAS);
    this.alarms = createVendorAlarms(this, {
      fn: this.function,
      slowMint: props.slowMint ?? Duration.seconds(3),
      actions: props.alarmActions ?? [],
    });
  }

  /**
   * Returns a profile, to be granted or made a task of.
   *
   * @throws {UsageError} if there is no profile of that name
   */
  profile(name: string): VendorProfile {
    requireKnown('profile', [name], [...this.#profiles.keys()]);
    return this.#profiles.get(name) as VendorProfile;
  }

  /** `POST /oauth/token`, if a profile was asked for a `connection` or an `oauthClient`. */
  get oauth(): OAuthServer | undefined {
    return this.#oauth;
  }

  /**
   * Lets `grantee` ask the function how it is: exactly its alias `Doctor`, by which it vends nothing.
   *
   * @throws {UsageError} if the grantee has no policy that could be written here: a principal of another account, a service
   */
  grantDoctor(grantee: IGrantable): Grant {
    return grantInvoke(`The alias ${DOCTOR_ALIAS}`, this.doctor, grantee);
  }

  #awsRole(): AwsRole {
    const { role } = this.function;
    const { partition, account: accountId } = Stack.of(this);
    return { partition, accountId, name: role?.roleName ?? '', arn: role?.roleArn ?? '' };
  }

  #alias(id: string, aliasName: string, provisionedConcurrentExecutions?: number): Alias {
    return new Alias(this, id, {
      aliasName,
      // CDK's classes do not fit their own interfaces under exactOptionalPropertyTypes.
      version: this.function.currentVersion as IVersion,
      ...(provisionedConcurrentExecutions !== undefined && { provisionedConcurrentExecutions }),
    });
  }

  #open(
    profile: Profile,
    { provisioned, logRetention }: { provisioned: number | undefined; logRetention: RetentionDays },
  ): VendorProfile {
    const alias = this.#alias(`Profile-${profile.name}`, profile.name, provisioned);
    const routeArns = this.api?.addProfile(profile.name, alias) ?? [];
    const oauthServer = () => {
      this.#oauth ??= this.#createOAuth();
      return this.#oauth;
    };
    const createCallFunction = () =>
      new CallFunction(this, `Call-${profile.name}`, { profile, alias, logRetention });
    return createVendorProfile({ profile, alias, routeArns, oauthServer, createCallFunction });
  }

  #openOAuth({ alarmActions, oauthThrottle }: GcpTokenVendorProps, logRetention: RetentionDays): OAuthServer {
    if (this.api === undefined) {
      throw new UsageError(
        'OAuth clients and EventBridge connections ask over HTTP, and there is no HTTP API: leave out api: false.',
      );
    }
    return new OAuthServer(this, 'OAuth', {
      api: this.api,
      vendor: this.function,
      throttle: oauthThrottle ?? { rateLimit: 50, burstLimit: 100 },
      logRetention,
      alarmActions: alarmActions ?? [],
    });
  }
}
