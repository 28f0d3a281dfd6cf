import type { Google } from '../local/google/server.ts';
import { FUNCTION_NAME } from '../local/place.ts';

type Environment = Readonly<Record<string, string>>;

/** What runs on this machine for an example: a vendor with the profiles of its folder, and the stand-in for Google. */
export type Here = { readonly vendorUrl: string; readonly google: Google };

/** A program in a folder of its own, as `npm run example -- NAME` runs it. */
export type Example = {
  readonly shows: string;
  readonly folder: string;
  /** As one would type it in the folder, with `node` and `gcp-token` being those of this repository; `python3` has Google's library. */
  readonly command: readonly [string, ...string[]];
  /** What says which vendor and which Google; deployed, these lead to the real ones, or are not needed. */
  readonly environment: (here: Here) => Environment;
};

function computeEnvironment({ vendorUrl, google }: Here): Environment {
  return {
    GCP_TOKEN_URL: vendorUrl,
    GCP_TOKEN_PROFILE: 'inventory',
    COMPUTE_URL: `${google.url}/compute/v1`,
  };
}

/** The examples by name. */
export const EXAMPLES: Readonly<Record<string, Example>> = {
  compute: {
    shows: 'lists Compute Engine instances with Google’s own library for Node.js',
    folder: 'compute',
    command: ['node', 'main.ts'],
    environment: computeEnvironment,
  },
  'compute-shell': {
    shows: 'the same from a shell, without any library',
    folder: 'compute',
    command: ['bash', 'list.sh'],
    environment: computeEnvironment,
  },
  lambda: {
    shows: 'a Lambda function calls a private Cloud Function',
    folder: 'lambda',
    command: ['node', 'invoke.ts'],
    environment: ({ vendorUrl, google }) => ({
      AWS_ENDPOINT_URL_LAMBDA: vendorUrl,
      GCP_TOKEN_FUNCTION: FUNCTION_NAME,
      GCP_TOKEN_PROFILE: 'hello',
      FUNCTION_URL: google.functionUrl,
      FUNCTION_AUDIENCE: google.functionAudience,
    }),
  },
  'python-ecs': {
    shows: 'a Python program with Google’s unchanged library, on ECS beside a metadata server',
    folder: 'python-ecs',
    command: ['gcp-token', 'exec', '--', 'python3', 'main.py'],
    environment: ({ vendorUrl, google }) => ({
      GCP_TOKEN_URL: vendorUrl,
      GCP_TOKEN_PROFILE: 'reports',
      STORAGE_EMULATOR_HOST: google.url,
    }),
  },
};
