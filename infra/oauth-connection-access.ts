import { Stack, Token, Validations } from 'aws-cdk-lib';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';

const SECRET_ACTIONS = ['DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecret'];

/** The stack's own part of a name, in cdk-nag's spelling, which stands in the name of its finding. */
const SUFFIX_IN_NAG = '{"Fn::Select":[2,{"Fn::Split":["/",{"Ref":"AWS::StackId"}]}]}';

/** The resources in cdk-nag's own spelling. */
function asNagShows(role: Role): readonly string[] {
  const { partition, region, account } = Stack.of(role);
  const show = (value: string, name: string) => (Token.isUnresolved(value) ? `<AWS::${name}>` : value);
  const start = `arn:${show(partition, 'Partition')}`;
  const place = `${show(region, 'Region')}:${show(account, 'AccountId')}`;
  const connection = `${start}:events:${place}:connection/*-${SUFFIX_IN_NAG}`;
  const secret = `${start}:secretsmanager:${place}:secret:events!connection/*-${SUFFIX_IN_NAG}/*`;
  return [connection, `${connection}/*`, secret];
}

/**
 * Lets a role give new secrets to this stack's connections: those whose names end in `suffix`, which is the stack's own.
 *
 * EventBridge keeps the secret of a connection in one of Secrets Manager's, and changes that with the rights of whoever
 * updates the connection: only so, and not by itself, may the role come to it.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-auth.html
 */
export function allowConnectionUpdates(role: Role, suffix: string): void {
  const { partition, region, account } = Stack.of(role);
  Validations.of(role).acknowledge(
    ...asNagShows(role).map((resource) => ({
      id: `AwsSolutions-IAM5[Resource::${resource}]`,
      reason:
        "EventBridge puts an id of its own at the end of a connection's ARN; the name before it ends in this stack's own id, so that no other connection is meant.",
    })),
  );
  const connection = `arn:${partition}:events:${region}:${account}:connection/*-${suffix}`;
  role.addToPolicy(
    new PolicyStatement({
      actions: ['events:UpdateConnection'],
      resources: [connection, `${connection}/*`],
    }),
  );
  role.addToPolicy(
    new PolicyStatement({
      actions: SECRET_ACTIONS.map((action) => `secretsmanager:${action}`),
      resources: [
        `arn:${partition}:secretsmanager:${region}:${account}:secret:events!connection/*-${suffix}/*`,
      ],
      conditions: { Bool: { 'aws:ViaAWSService': 'true' } },
    }),
  );
}
