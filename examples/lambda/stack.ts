import { join } from 'node:path';
import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Construct } from 'constructs';
import { GcpTokenVendor } from 'gcp-token-vendor';
import profiles from './profiles.json' with { type: 'json' };

const FUNCTION_URL = 'https://europe-west1-example.cloudfunctions.net/hello';

/** A vendor without an HTTP API, and a function that calls a private Cloud Function. */
export class LambdaStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const vendor = new GcpTokenVendor(this, 'Vendor', { profiles, api: false });
    const caller = new NodejsFunction(this, 'Caller', {
      entry: join(import.meta.dirname, 'handler.ts'),
      runtime: Runtime.NODEJS_24_X,
      timeout: Duration.seconds(45),
      memorySize: 512,
      bundling: { minify: true, bundleAwsSDK: true },
      environment: {
        FUNCTION_URL,
        GCP_TOKEN_FUNCTION: vendor.function.functionName,
        GCP_TOKEN_PROFILE: 'hello',
      },
    });
    vendor.profile('hello').grantVend(caller);

    new CfnOutput(this, 'TokenFunctionName', { value: vendor.function.functionName });
    new CfnOutput(this, 'CallerFunctionName', { value: caller.functionName });
  }
}
