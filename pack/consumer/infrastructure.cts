import { App, Stack } from 'aws-cdk-lib';
import { GcpTokenVendor } from 'gcp-token-vendor';

const stack = new Stack(new App(), 'Consumer');
new GcpTokenVendor(stack, 'Vendor', { profiles: { default: { scopes: ['cloud-platform'] } } });
