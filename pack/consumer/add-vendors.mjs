import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (name) => JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8'));

/** Adds to a stack what takes every function that the construct has. */
export function addVendors(GcpTokenVendor, stack) {
  const profiles = read('profiles.json');
  const [audience] = profiles.reports.audiences;
  const reports = new GcpTokenVendor(stack, 'Vendor', { profiles }).profile('reports');
  reports.callTask(stack, 'Call', { url: audience });
  reports.connection(stack, 'Connection', { audience });
  new GcpTokenVendor(stack, 'Keyless', {
    profiles,
    credentials: { default: { document: read('federation.json') } },
  });
}
