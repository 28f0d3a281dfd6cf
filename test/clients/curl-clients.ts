import type { Client } from './client.ts';
import { instancesUrl, objectUrl, provePrintedAccessToken, provePrintedIdToken, proveUse } from './proof.ts';
import type { Run, Stage } from './stage.ts';

const INSTALL = 'apt-get install curl';

async function version({ run }: Stage): Promise<string> {
  const [, number = ''] = (await run(['curl', '--version'])).split(' ');
  return number;
}

/** What shell scripts on Google's machines do. */
const METADATA = 'curl -sSf -H "Metadata-Flavor: Google"';
const ACCOUNT = '"http://$GCE_METADATA_HOST/computeMetadata/v1/instance/service-accounts/default';

const metadata: Client = {
  name: 'curl',
  title: 'curl, at the metadata server',
  door: 'gcp-token exec',
  install: INSTALL,
  version,
  accessToken: async (stage) => {
    const script = `TOKEN=$(${METADATA} ${ACCOUNT}/token" | sed -E 's/.*"access_token":"([^"]+)".*/\\1/')
curl -sSf -H "Authorization: Bearer $TOKEN" "$1" "$2"`;
    const output = await stage.exec(['sh', '-c', script, 'sh', instancesUrl(stage), objectUrl(stage)]);
    return await proveUse(stage, ['lists instances', 'reads an object'], output);
  },
  idToken: async (stage) => {
    const { functionAudience, functionUrl } = stage.google;
    const script = `TOKEN=$(${METADATA} ${ACCOUNT}/identity?audience=$1")
curl -sSf -H "Authorization: Bearer $TOKEN" "$2"`;
    const output = await stage.exec(['sh', '-c', script, 'sh', functionAudience, functionUrl]);
    return await proveUse(stage, ['calls the function'], output);
  },
};

async function vend(run: Run, { vendor }: Stage, query: string): Promise<Record<string, string>> {
  const { url, region, credential } = vendor;
  const user = `${credential.accessKeyId}:${credential.secretAccessKey}`;
  const signature = ['--aws-sigv4', `aws:amz:${region}:execute-api`, '--user', user];
  return JSON.parse(await run(['curl', '-sSf', ...signature, `${url}/token${query}`]));
}

const signed: Client = {
  name: 'curl-signed',
  title: 'curl, signed',
  door: 'HTTP API',
  install: INSTALL,
  version,
  accessToken: async (stage) => {
    const { access_token: token = '' } = await vend(stage.run, stage, '');
    return await provePrintedAccessToken(stage, token);
  },
  idToken: async (stage) => {
    const query = `?audience=${encodeURIComponent(stage.google.functionAudience)}`;
    const { id_token: token = '' } = await vend(stage.run, stage, query);
    return await provePrintedIdToken(stage, token);
  },
};

/** curl, by both ways in which a shell script may come by tokens. */
export const CURL_CLIENTS: readonly Client[] = [metadata, signed];
