import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { GcpTokenVendor } from 'gcp-token-vendor';
import profiles from './profiles.json' with { type: 'json' };

/** A vendor, and a role for EC2 instances whose programs may list Compute Engine instances. */
export class ComputeStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const vendor = new GcpTokenVendor(this, 'Vendor', { profiles });
    const role = new Role(this, 'InventoryRole', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    vendor.profile('inventory').grantVend(role);

    new CfnOutput(this, 'TokenApiUrl', { value: vendor.api?.url ?? '' });
    new CfnOutput(this, 'InventoryRoleName', { value: role.roleName });
  }
}
