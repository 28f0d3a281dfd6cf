import { join } from 'node:path';
import { CfnOutput, Duration, IgnoreMode, Stack, type StackProps } from 'aws-cdk-lib';
import {
  ContainerDependencyCondition,
  ContainerImage,
  FargateTaskDefinition,
  LogDrivers,
} from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';
import { GcpTokenVendor } from 'gcp-token-vendor';
import profiles from './profiles.json' with { type: 'json' };

/** The vendor's repository, in which the image of the metadata server is built from what `npm pack` made. */
const REPOSITORY = join(import.meta.dirname, '../..');
/** The containers of a task share their loopback, and nobody else can reach it. */
const METADATA_SERVER = '127.0.0.1:8988';

/** A vendor without an HTTP API, and a task: the program, and beside it a metadata server for it. */
export class PythonEcsStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const vendor = new GcpTokenVendor(this, 'Vendor', { profiles, api: false });
    const task = new FargateTaskDefinition(this, 'Task', { cpu: 256, memoryLimitMiB: 512 });
    vendor.profile('reports').grantVend(task.taskRole);

    const sidecar = task.addContainer('MetadataServer', {
      image: ContainerImage.fromAsset(REPOSITORY, {
        file: 'client/metadata/Dockerfile',
        exclude: ['*', '!client/metadata/Dockerfile', '!gcp-token-vendor-*.tgz'],
        ignoreMode: IgnoreMode.DOCKER,
      }),
      environment: { GCP_TOKEN_FUNCTION: vendor.function.functionArn, GCP_TOKEN_PROFILE: 'reports' },
      logging: LogDrivers.awsLogs({ streamPrefix: 'metadata-server' }),
      healthCheck: {
        command: ['CMD', 'node', '-e', `fetch('http://${METADATA_SERVER}').catch(() => process.exit(1))`],
        interval: Duration.seconds(5),
      },
    });
    const program = task.addContainer('Program', {
      image: ContainerImage.fromAsset(import.meta.dirname),
      environment: {
        BUCKET: 'my-bucket',
        // Where Google's libraries and tools look for the server; each knows one or two of these.
        GCE_METADATA_HOST: METADATA_SERVER,
        GCE_METADATA_IP: METADATA_SERVER,
        GCE_METADATA_ROOT: METADATA_SERVER,
      },
      logging: LogDrivers.awsLogs({ streamPrefix: 'program' }),
    });
    program.addContainerDependencies({ container: sidecar, condition: ContainerDependencyCondition.HEALTHY });

    new CfnOutput(this, 'TokenFunctionName', { value: vendor.function.functionName });
    new CfnOutput(this, 'TaskDefinition', { value: task.taskDefinitionArn });
  }
}
