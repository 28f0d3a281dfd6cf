import { readFileSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { GcpTokenVendor } from 'gcp-token-vendor';

const profiles = JSON.parse(readFileSync('profiles.json', 'utf8'));
const app = new App({ outdir: process.argv[2], analyticsReporting: false });
const stack = new Stack(app, 'Consumer');

new GcpTokenVendor(stack, 'Vendor', { profiles });
new GcpTokenVendor(stack, 'Keyless', { profiles, credentials: { default: { file: 'federation.json' } } });
app.synth();
