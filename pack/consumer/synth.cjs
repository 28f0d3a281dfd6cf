const { App, Stack } = require('aws-cdk-lib');
const { GcpTokenVendor } = require('gcp-token-vendor');
const { addVendors } = require('./add-vendors.mjs');

const app = new App({ outdir: process.argv[2], analyticsReporting: false });

addVendors(GcpTokenVendor, new Stack(app, 'Consumer'));
app.synth();
