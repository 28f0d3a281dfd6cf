import { createTokenClient } from 'gcp-token-vendor/client';
import { createAuthClient } from 'gcp-token-vendor/client/google-auth';

type Instance = { readonly name: string; readonly status: string; readonly machineType: string };
type Instances = { readonly items?: readonly Instance[] };

const { GOOGLE_CLOUD_PROJECT = 'example-project', ZONE = 'europe-west1-b' } = process.env;
const { COMPUTE_URL = 'https://compute.googleapis.com/compute/v1' } = process.env;

// Which vendor, and which of its profiles, is in the environment: GCP_TOKEN_URL, GCP_TOKEN_PROFILE.
const google = createAuthClient(createTokenClient(), { scopes: ['compute-ro'] });

const { data } = await google.request<Instances>({
  url: `${COMPUTE_URL}/projects/${GOOGLE_CLOUD_PROJECT}/zones/${ZONE}/instances`,
});

for (const { name, status, machineType } of data.items ?? []) {
  console.log(`${name.padEnd(12)}${status.padEnd(14)}${machineType.split('/').at(-1)}`);
}
