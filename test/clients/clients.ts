import { AWS_CLI_CLIENT } from './aws-cli-client.ts';
import type { Client } from './client.ts';
import { CURL_CLIENTS } from './curl-clients.ts';
import { GCLOUD_CLIENTS } from './gcloud-clients.ts';
import { GO_CLIENTS } from './go-clients.ts';
import { JAVA_CLIENT } from './java-client.ts';
import { NODE_CLIENTS } from './node-clients.ts';
import { PYTHON_CLIENTS } from './python-clients.ts';
import { RCLONE_CLIENT } from './rclone-client.ts';

/** Every client that is tried, in the order of the table. */
export const CLIENTS: readonly Client[] = [
  ...NODE_CLIENTS,
  ...PYTHON_CLIENTS,
  ...GO_CLIENTS,
  JAVA_CLIENT,
  ...GCLOUD_CLIENTS,
  RCLONE_CLIENT,
  ...CURL_CLIENTS,
  AWS_CLI_CLIENT,
];
