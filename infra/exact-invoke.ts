import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { LambdaInvoke, type LambdaInvokeProps } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';

/** A task that grants the state machine exactly what it invokes, an alias or a function; CDK's own adds all its qualifiers. */
export class ExactInvoke extends LambdaInvoke {
  protected override readonly taskPolicies: PolicyStatement[];

  constructor(
    scope: Construct,
    id: string,
    { functionArn }: { readonly functionArn: string },
    props: LambdaInvokeProps,
  ) {
    super(scope, id, props);
    this.taskPolicies = [
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [functionArn] }),
    ];
  }
}
