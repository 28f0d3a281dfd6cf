import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { bundleAsset } from './function-asset.ts';

/** What the two functions of OAuth differ in. */
export type OAuthFunctionProps = {
  readonly description: string;
  readonly roleDescription: string;
  readonly entry: string;
  readonly timeout: Duration;
  readonly logRetention: RetentionDays;
  readonly environment: Readonly<Record<string, string>>;
};

/** A function, and its role, to which its statements are added. */
export type OAuthFunction = { readonly fn: LambdaFunction; readonly role: Role };

/** Returns a function with its own role and log group; all that the role may do is to write that log. */
export function createOAuthFunction(scope: Construct, id: string, props: OAuthFunctionProps): OAuthFunction {
  const logGroup = new LogGroup(scope, `${id}Log`, {
    retention: props.logRetention,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const role = new Role(scope, `${id}Role`, {
    description: props.roleDescription,
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: {
      Log: new PolicyDocument({
        statements: [
          new PolicyStatement({
            actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
            resources: [logGroup.logGroupArn],
          }),
        ],
      }),
    },
  });
  const fn = new LambdaFunction(scope, id, {
    description: props.description,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    handler: 'index.handler',
    code: bundleAsset(props.entry),
    role,
    logGroup,
    loggingFormat: LoggingFormat.JSON,
    memorySize: 512,
    timeout: props.timeout,
    environment: { ...props.environment },
  });
  return { fn, role };
}
