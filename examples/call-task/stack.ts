import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { DefinitionBody, JsonPath, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { GcpTokenVendor } from 'gcp-token-vendor';
import profiles from './profiles.json' with { type: 'json' };

/** A vendor without an HTTP API, and a state machine of one state, which calls a private Cloud Function. */
export class CallTaskStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const vendor = new GcpTokenVendor(this, 'Vendor', { profiles, api: false });

    const hello = vendor.profile('hello').callTask(this, 'Hello', {
      url: 'https://europe-west1-example.cloudfunctions.net/hello',
      body: { name: JsonPath.stringAt('$.name') },
      resultPath: '$.answer',
    });

    const machine = new StateMachine(this, 'Machine', {
      definitionBody: DefinitionBody.fromChainable(hello),
      timeout: Duration.minutes(5),
    });
    new CfnOutput(this, 'StateMachineArn', { value: machine.stateMachineArn });
  }
}
