const { readFileSync } = require('node:fs');
const { App, Stack } = require('aws-cdk-lib');
const { GcpTokenVendor } = require('gcp-token-vendor');

const profiles = JSON.parse(readFileSync('profiles.json', 'utf8'));
const app = new App({ outdir: process.argv[2], analyticsReporting: false });
const stack = new Stack(app, 'Consumer');

new GcpTokenVendor(stack, 'Vendor', { profiles });
new GcpTokenVendor(stack, 'Keyless', { profiles, credentials: { default: { file: 'federation.json' } } });
app.synth();
