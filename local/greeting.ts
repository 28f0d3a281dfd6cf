import type { Profile, Profiles } from '../lambda/policy/profiles.ts';
import type { Google } from './google/server.ts';
import type { LocalVendor } from './local-vendor.ts';
import { FUNCTION_NAME, REGION } from './place.ts';
import type { StartOptions } from './start-options.ts';

const COMPUTE_SCOPES = ['cloud-platform', 'compute', 'compute.readonly'].map(
  (name) => `https://www.googleapis.com/auth/${name}`,
);

type Recipe = { readonly title: string; readonly lines: readonly string[] };

/** Makes `curl` commands for the local HTTP API, signed or not as it demands. */
type Curl = (profile: Profile, query: string) => string;

function tokenPath({ name }: Profile): string {
  return name === 'default' ? '/token' : `/profiles/${name}/token`;
}

function createCurl(vendor: LocalVendor, signed: boolean): Curl {
  const signature = signed
    ? ` --aws-sigv4 aws:amz:${REGION}:execute-api --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"`
    : '';
  return (profile, query) => `curl -s${signature} '${vendor.url}${tokenPath(profile)}${query}'`;
}

/** Shells without a JSON tool can take a token out of an answer too. */
function takeToken(command: string, field: 'access_token' | 'id_token'): string {
  return `TOKEN=$(${command} | sed -E 's/.*"${field}":"([^"]+)".*/\\1/')`;
}

function find(profiles: Profiles, wanted: (profile: Profile) => boolean): Profile | undefined {
  return [...profiles.values()].find(wanted);
}

function firstToken({ profiles }: LocalVendor, curl: Curl): Recipe[] {
  const profile = find(profiles, ({ scopes }) => scopes.length > 0);
  return profile === undefined ? [] : [{ title: 'Get an access token', lines: [curl(profile, '')] }];
}

function callFunction({ profiles }: LocalVendor, google: Google, curl: Curl): Recipe[] {
  const profile = find(profiles, ({ allowsAudience }) => allowsAudience(google.functionAudience));
  if (profile === undefined) {
    return [];
  }
  const query = `?audience=${encodeURIComponent(google.functionAudience)}`;
  const lines = [
    takeToken(curl(profile, query), 'id_token'),
    `curl -H "Authorization: Bearer $TOKEN" ${google.functionUrl}`,
  ];
  return [{ title: 'Call a private Cloud Function with an ID token', lines }];
}

function listInstances({ profiles }: LocalVendor, google: Google, curl: Curl): Recipe[] {
  const isCompute = (scope: string) => COMPUTE_SCOPES.includes(scope);
  const profile = find(profiles, ({ scopes }) => scopes.some(isCompute));
  if (profile === undefined) {
    return [];
  }
  const query = `?scopes=${encodeURIComponent(profile.scopes.find(isCompute) ?? '')}`;
  const path = '/compute/v1/projects/example-project/zones/europe-west1-b/instances';
  const lines = [
    takeToken(curl(profile, query), 'access_token'),
    `curl -H "Authorization: Bearer $TOKEN" ${google.url}${path}`,
  ];
  return [{ title: 'List Compute Engine instances with an access token', lines }];
}

function useKeys({ credential }: LocalVendor): string {
  return `AWS_ACCESS_KEY_ID=${credential.accessKeyId} AWS_SECRET_ACCESS_KEY=${credential.secretAccessKey} `;
}

/** As a program on Google's own machines would ask, with a token in the end, like all of these. */
function runAnyProgram({ url, profiles }: LocalVendor): Recipe[] {
  const profile = find(profiles, ({ scopes }) => scopes.length > 0);
  const path = 'computeMetadata/v1/instance/service-accounts/default/token';
  const ask = `curl -s -H "Metadata-Flavor: Google" "http://$GCE_METADATA_HOST/${path}"`;
  const command = `npm run --silent gcp-token -- exec --profile ${profile?.name} -- sh -c '${ask}'`;
  return profile === undefined
    ? []
    : [
        {
          title: 'Run any program with its tokens, such as gcloud, Terraform or this',
          lines: [`export GCP_TOKEN_URL=${url}`, command],
        },
      ];
}

function askByOAuth({ url, oauthClients }: LocalVendor): Recipe[] {
  const lines = oauthClients.map(
    ({ id, secret }) => `curl -s -u ${id}:${secret} -d grant_type=client_credentials ${url}/oauth/token`,
  );
  return lines.length === 0
    ? []
    : [{ title: 'Get a token by OAuth, as an EventBridge connection does', lines }];
}

function examine(vendor: LocalVendor, signed: boolean): Recipe {
  const place = `AWS_ENDPOINT_URL_LAMBDA=${vendor.url} AWS_REGION=${REGION}`;
  const command = `${place} npm run --silent doctor -- --function ${FUNCTION_NAME}`;
  return {
    title: 'Walk the way to a token, link by link',
    lines: [`${signed ? '' : useKeys(vendor)}${command}`],
  };
}

function invokeByAlias(vendor: LocalVendor, signed: boolean): Recipe[] {
  const { url, profiles } = vendor;
  const alias = [...profiles.values()].reverse().find(({ scopes }) => scopes.length > 0)?.name;
  const command = `aws lambda invoke --endpoint-url ${url} --region ${REGION} --function-name ${FUNCTION_NAME} --qualifier ${alias} /dev/stdout`;
  return alias === undefined
    ? []
    : [
        {
          title: 'Invoke it by alias, as a Step Functions task does',
          lines: [`${signed ? '' : useKeys(vendor)}${command}`],
        },
      ];
}

function exportKeys({ credential }: LocalVendor): Recipe {
  const lines = [
    `export AWS_ACCESS_KEY_ID=${credential.accessKeyId}`,
    `export AWS_SECRET_ACCESS_KEY=${credential.secretAccessKey}`,
    'unset AWS_SESSION_TOKEN',
    `export AWS_REGION=${REGION}`,
  ];
  return {
    title:
      'Requests must be signed. In a terminal of its own, since it takes the place of your AWS credentials',
    lines,
  };
}

function describe(vendor: LocalVendor, options: StartOptions): readonly string[] {
  const { google, url, profiles } = vendor;
  const doors = options.requireSignature ? 'signed requests only' : 'signed and unsigned requests';
  const credentials = {
    'stand-in': 'a key of the stand-in for Google',
    key: 'your own, and the real Google',
    secret: `your secret, and the real Google`,
  } as const;
  return [
    `  vendor      ${url}  (HTTP API and Lambda Invoke API; ${doors})`,
    ...(google === undefined
      ? []
      : [`  Google      ${google.url}  (a stand-in: its tokens open nothing else)`]),
    `  credential  ${credentials[options.credential.kind]}`,
    `  profiles    ${[...profiles.keys()].join(', ')}  (${options.profilesFile})`,
  ];
}

/** Returns what `npm start` says when all is up: what runs where, and commands that work as they are. */
export function greeting(vendor: LocalVendor, options: StartOptions): string {
  const signed = options.requireSignature;
  const curl = createCurl(vendor, signed);
  const { google } = vendor;
  const recipes = [
    ...(signed ? [exportKeys(vendor)] : []),
    ...firstToken(vendor, curl),
    ...(google === undefined
      ? []
      : [...callFunction(vendor, google, curl), ...listInstances(vendor, google, curl)]),
    ...askByOAuth(vendor),
    ...runAnyProgram(vendor),
    examine(vendor, signed),
    ...invokeByAlias(vendor, signed),
  ];
  const told = recipes.flatMap(({ title, lines }) => ['', `${title}:`, ...lines.map((line) => `  ${line}`)]);
  return [
    'The token vendor is running; Ctrl-C stops it.',
    '',
    ...describe(vendor, options),
    ...told,
    '',
  ].join('\n');
}
