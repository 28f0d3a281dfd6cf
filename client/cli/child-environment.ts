import { gsutilEnvironment } from './gsutil-settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment of a command has to lead to. */
export type Surroundings = {
  /** The metadata server, as `host:port`. */
  readonly metadataHost: string;
  /** The folder that stands in for that of gcloud's configuration; `undefined` if there is none. */
  readonly gcloudFolder: string | undefined;
  readonly projectId: string | undefined;
};

export type ChildEnvironment = {
  readonly environment: Environment;
  /** The names of the variables that were there and are not passed on. */
  readonly removed: readonly string[];
};

/**
 * What clients take before they ask the metadata server: Google's libraries, gcloud, Terraform's provider and its backend, rclone,
 * Ruby's libraries, Cloud Shell's; and what forbids them to ask it.
 *
 * @see https://cloud.google.com/docs/authentication/application-default-credentials
 * @see https://registry.terraform.io/providers/hashicorp/google/latest/docs/guides/provider_reference
 * @see https://rclone.org/googlecloudstorage/
 */
const OUTRANKING = [
  'GOOGLE_APPLICATION_CREDENTIALS',
  'google_application_credentials',
  'CLOUDSDK_AUTH_ACCESS_TOKEN',
  'CLOUDSDK_AUTH_ACCESS_TOKEN_FILE',
  'CLOUDSDK_AUTH_AUTHORIZATION_TOKEN_FILE',
  'CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE',
  'CLOUDSDK_AUTH_DISABLE_CREDENTIALS',
  'CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT',
  'CLOUDSDK_CORE_ACCOUNT',
  'GOOGLE_CREDENTIALS',
  'GOOGLE_CLOUD_KEYFILE_JSON',
  'GCLOUD_KEYFILE_JSON',
  'GOOGLE_OAUTH_ACCESS_TOKEN',
  'GOOGLE_IMPERSONATE_SERVICE_ACCOUNT',
  'GOOGLE_BACKEND_CREDENTIALS',
  'GOOGLE_BACKEND_IMPERSONATE_SERVICE_ACCOUNT',
  'GOOGLE_CLOUD_CREDENTIALS',
  'GOOGLE_CLOUD_CREDENTIALS_JSON',
  'GOOGLE_CLOUD_KEYFILE',
  'GCLOUD_KEYFILE',
  'RCLONE_GCS_ACCESS_TOKEN',
  'RCLONE_GCS_ANONYMOUS',
  'RCLONE_GCS_SERVICE_ACCOUNT_CREDENTIALS',
  'RCLONE_GCS_SERVICE_ACCOUNT_FILE',
  'RCLONE_GCS_TOKEN',
  'DEVSHELL_CLIENT_PORT',
  'GCE_METADATA_MTLS_MODE',
  'NO_GCE_CHECK',
] as const;

const PROXIES = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'] as const;

function isSet(environment: Environment, name: string): boolean {
  return environment[name] !== undefined && environment[name] !== '';
}

/** A client reads the one or the other name, so both say the same. */
function withoutProxy(environment: Environment, host: string): Environment {
  if (!PROXIES.some((name) => isSet(environment, name))) {
    return {};
  }
  const before = [environment.NO_PROXY, environment.no_proxy].filter(
    (list) => list !== undefined && list !== '',
  );
  const list = [...new Set([...before.flatMap((text) => text?.split(/[, ]+/) ?? []), host])].join(',');
  return { NO_PROXY: list, no_proxy: list };
}

function project(projectId: string | undefined): Environment {
  return projectId === undefined ? {} : { GOOGLE_CLOUD_PROJECT: projectId, CLOUDSDK_CORE_PROJECT: projectId };
}

/**
 * Returns the environment by which each of Google's clients finds the metadata server, and nothing before it. There is no token
 * in it: whatever may read a process's environment may not have one.
 */
export function childEnvironment(
  given: Environment,
  { metadataHost, gcloudFolder, projectId }: Surroundings,
): ChildEnvironment {
  const removed = OUTRANKING.filter((name) => isSet(given, name));
  const kept = Object.entries(given).filter(([name]) => !OUTRANKING.some((one) => one === name));
  const environment = {
    ...Object.fromEntries(kept),
    ...withoutProxy(given, metadataHost.split(':')[0] ?? ''),
    ...project(projectId),
    // Go, Java, .NET, Ruby, Rust and Python read the first; Node and Python's ping the second; gcloud and C++ the third.
    GCE_METADATA_HOST: metadataHost,
    GCE_METADATA_IP: metadataHost,
    GCE_METADATA_ROOT: metadataHost,
    METADATA_SERVER_DETECTION: 'assume-present',
    CLOUDSDK_CORE_CHECK_GCE_METADATA: 'true',
    // Without it rclone asks for a browser.
    RCLONE_GCS_ENV_AUTH: 'true',
    ...(gcloudFolder !== undefined && {
      CLOUDSDK_CONFIG: gcloudFolder,
      ...gsutilEnvironment(given, gcloudFolder),
    }),
  };
  return { environment, removed };
}
