import { App, Stack } from 'aws-cdk-lib';
import { GcpTokenVendor } from 'gcp-token-vendor';
import { addVendors } from './add-vendors.mjs';

const app = new App({ outdir: process.argv[2], analyticsReporting: false });

addVendors(GcpTokenVendor, new Stack(app, 'Consumer'));
app.synth();
