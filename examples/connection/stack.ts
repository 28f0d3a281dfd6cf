import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { DefinitionBody, JsonPath, StateMachine, TaskInput } from 'aws-cdk-lib/aws-stepfunctions';
import { HttpInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { GcpTokenVendor } from 'gcp-token-vendor';
import profiles from './profiles.json' with { type: 'json' };

const ORIGIN = 'https://europe-west1-example.cloudfunctions.net';

/** A vendor, and a state machine that calls a private Cloud Function over an EventBridge connection. */
export class ConnectionStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const vendor = new GcpTokenVendor(this, 'Vendor', { profiles });

    const hello = new HttpInvoke(this, 'Hello', {
      connection: vendor.profile('hello').connection(this, 'Connection', { audience: `${ORIGIN}/hello` }),
      apiRoot: ORIGIN,
      apiEndpoint: TaskInput.fromText('hello'),
      method: TaskInput.fromText('POST'),
      body: TaskInput.fromObject({ name: JsonPath.stringAt('$.name') }),
      resultPath: '$.answer',
    });

    const machine = new StateMachine(this, 'Machine', {
      definitionBody: DefinitionBody.fromChainable(hello),
      timeout: Duration.minutes(5),
    });
    new CfnOutput(this, 'StateMachineArn', { value: machine.stateMachineArn });
  }
}
