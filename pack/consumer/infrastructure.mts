import { App, Stack } from 'aws-cdk-lib';
import { AccountPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { GcpTokenVendor, type GcpTokenVendorProps, type VendorProfile } from 'gcp-token-vendor';

const profiles: GcpTokenVendorProps['profiles'] = {
  default: { scopes: ['cloud-platform'] },
  reports: { audiences: ['https://europe-west1-example.cloudfunctions.net/report'] },
};
const stack = new Stack(new App(), 'Consumer');
const vendor = new GcpTokenVendor(stack, 'Vendor', { profiles, api: false });
const role = new Role(stack, 'Role', { assumedBy: new AccountPrincipal('123456789012') });
const reports: VendorProfile = vendor.profile('reports');
reports.grantVend(role);
vendor.grantDoctor(role);

// @ts-expect-error a profile has no such field
export const misspelt: GcpTokenVendorProps['profiles'] = { default: { scope: ['cloud-platform'] } };
// @ts-expect-error it has profiles
new GcpTokenVendor(stack, 'Empty', {});
