import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SecurityGroup, SubnetSelection, Vpc } from 'aws-cdk-lib/aws-ec2';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type IFunction,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { ProfilesDocument } from '../lambda/policy/profiles.ts';
import { documentStatements, needsWebIdentity } from './credential-documents.ts';
import { readStatements } from './credential-secrets.ts';
import type { Credentials } from './credentials.ts';
import { credentialsVariable } from './credentials-variable.ts';
import { functionAsset } from './function-asset.ts';
import { allowVpcAccess, denyVpcAccessToCode } from './vpc-access.ts';
import { acknowledgeWebIdentity } from './web-identity-permission.ts';

/** What the function is made of. */
export type VendorFunctionProps = {
  readonly profiles: ProfilesDocument;
  readonly credentials: Credentials;
  readonly memorySize: number;
  readonly timeout: Duration;
  readonly logRetention: RetentionDays;
  readonly reservedConcurrentExecutions: number | undefined;
  readonly vpc: IVpc | Vpc | undefined;
  readonly vpcSubnets: SubnetSelection | undefined;
  readonly securityGroups: readonly (ISecurityGroup | SecurityGroup)[] | undefined;
};

function createRole(scope: Construct, logGroup: LogGroup, { secrets, documents }: Credentials): Role {
  const writeLogs = new PolicyStatement({
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    // The ARN of a log group, as CloudFormation gives it, ends in ":*": its streams.
    resources: [logGroup.logGroupArn],
  });
  const statements = [...readStatements(secrets), ...documentStatements(scope, documents), writeLogs];
  const role = new Role(scope, 'FunctionRole', {
    description: "Reads the token vendor's credentials and writes its log",
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: { Vendor: new PolicyDocument({ statements }) },
  });
  if (needsWebIdentity(documents)) {
    acknowledgeWebIdentity(role);
  }
  return role;
}

// CDK's classes do not fit their own interfaces under exactOptionalPropertyTypes.
function network(props: VendorFunctionProps) {
  return {
    ...(props.vpc && { vpc: props.vpc as IVpc }),
    ...(props.vpcSubnets && { vpcSubnets: props.vpcSubnets }),
    ...(props.securityGroups && { securityGroups: [...props.securityGroups] as ISecurityGroup[] }),
  };
}

/** Returns the vendor's function with its own role and log group; its role can do nothing that the function does not. */
export function createVendorFunction(scope: Construct, props: VendorFunctionProps): LambdaFunction {
  const logGroup = new LogGroup(scope, 'FunctionLog', {
    retention: props.logRetention,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const role = createRole(scope, logGroup, props.credentials);
  if (props.vpc !== undefined) {
    allowVpcAccess(role);
  }
  const fn = new LambdaFunction(scope, 'Function', {
    description: 'Vends short-lived Google tokens; each alias is a profile',
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    handler: 'index.handler',
    code: functionAsset({
      profiles: props.profiles,
      readsSecrets: Object.keys(props.credentials.secrets).length > 0,
    }),
    role,
    logGroup,
    loggingFormat: LoggingFormat.JSON,
    memorySize: props.memorySize,
    timeout: props.timeout,
    environment: {
      CREDENTIALS: credentialsVariable(scope, props.credentials),
    },
    ...(props.reservedConcurrentExecutions !== undefined && {
      reservedConcurrentExecutions: props.reservedConcurrentExecutions,
    }),
    ...network(props),
  });
  if (props.vpc !== undefined) {
    denyVpcAccessToCode(scope, role, fn as IFunction);
  }
  return fn;
}
