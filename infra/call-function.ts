import { Duration, Lazy, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  type Alias,
  Architecture,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { FUNCTION_MARGIN_SECONDS } from '../lambda/call/call-limits.ts';
import type { Profile } from '../lambda/policy/profiles.ts';
import { callFunctionAsset } from './function-asset.ts';

/** What a call's function is made of. */
export type CallFunctionProps = {
  readonly profile: Profile;
  /** The Lambda alias that is the profile. */
  readonly alias: Alias;
  readonly logRetention: RetentionDays;
};

const MEMORY_MB = 512;

function createRole(scope: Construct, logGroup: LogGroup, { profile, alias }: CallFunctionProps): Role {
  return new Role(scope, 'Role', {
    description: `Calls services with ID tokens of the profile ${profile.name}, and writes its log`,
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: {
      Caller: new PolicyDocument({
        statements: [
          new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [alias.functionArn] }),
          new PolicyStatement({
            actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
            // The ARN of a log group, as CloudFormation gives it, ends in ":*": its streams.
            resources: [logGroup.logGroupArn],
          }),
        ],
      }),
    },
  });
}

/**
 * The function that calls private services for a profile, one for all its tasks: the one place that has their tokens. Its role
 * may invoke the profile's alias and write its own log, and nothing else.
 */
export class CallFunction extends Construct {
  readonly function: LambdaFunction;
  /** The longest that a call may take, of all that were made so far. */
  #longestSeconds = 0;

  constructor(scope: Construct, id: string, props: CallFunctionProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Log', {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const seconds = Lazy.number({ produce: () => this.#longestSeconds + FUNCTION_MARGIN_SECONDS });
    this.function = new LambdaFunction(this, 'Function', {
      description: `Calls private services with ID tokens of the profile ${props.profile.name}`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: callFunctionAsset(props.profile),
      role: createRole(this, logGroup, props),
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      memorySize: MEMORY_MB,
      timeout: Duration.seconds(seconds),
      environment: { VENDOR_ALIAS: props.alias.functionArn },
    });
  }

  /** Sees to it that the function lives long enough for a call of so many seconds. */
  allowSeconds(seconds: number): void {
    this.#longestSeconds = Math.max(this.#longestSeconds, seconds);
  }
}
