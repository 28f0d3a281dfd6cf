import { ArnFormat, Stack, Token, Validations } from 'aws-cdk-lib';
import { Effect, Policy, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';

const CHANGE = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:UnassignPrivateIpAddresses',
];
const DESCRIBE = ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'];

/** The ARN of the network interfaces in cdk-nag's own spelling, which stands in the name of its finding. */
function asNagShows(role: Role): string {
  const { partition, region, account } = Stack.of(role);
  const show = (value: string, name: string) => (Token.isUnresolved(value) ? `<AWS::${name}>` : value);
  return `arn:${show(partition, 'Partition')}:ec2:${show(region, 'Region')}:${show(account, 'AccountId')}:*/*`;
}

/**
 * Allows what Lambda needs of the execution role to put a function into a VPC, as narrow as AWS takes it: the
 * describing actions know no resources, and the others must name all of the account's, in this region.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
 */
export function allowVpcAccess(role: Role): void {
  const interfaces = Stack.of(role).formatArn({
    service: 'ec2',
    resource: '*',
    resourceName: '*',
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
  const reason =
    "Lambda makes the function's network interfaces under this role; AWS lets these actions be bound to the account and region, not to a resource, and the function's own code is denied them.";
  Validations.of(role).acknowledge(
    { id: 'AwsSolutions-IAM5[Resource::*]', reason },
    { id: `AwsSolutions-IAM5[Resource::${asNagShows(role)}]`, reason },
  );
  role.addToPolicy(new PolicyStatement({ actions: CHANGE, resources: [interfaces] }));
  role.addToPolicy(new PolicyStatement({ actions: DESCRIBE, resources: ['*'] }));
}

/**
 * Denies the function's own code what {@link allowVpcAccess} allows Lambda: a call from inside carries the function's ARN.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
 */
export function denyVpcAccessToCode(scope: Construct, role: Role, fn: IFunction): void {
  // Not a child of the role: the function waits for the role and all that is under it, and this waits for the function.
  new Policy(scope, 'DenyNetworkToCode', {
    roles: [role],
    statements: [
      new PolicyStatement({
        effect: Effect.DENY,
        actions: [...CHANGE, ...DESCRIBE],
        resources: ['*'],
        conditions: { ArnEquals: { 'lambda:SourceFunctionArn': fn.functionArn } },
      }),
    ],
  });
}
