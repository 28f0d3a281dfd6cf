import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, noWay } from './client.ts';
import { BUCKET, OBJECT, provePrintedAccessToken, provePrintedIdToken, proveUse, ZONE } from './proof.ts';
import type { Run, Stage } from './stage.ts';

export const INSTALL_GCLOUD = 'see https://cloud.google.com/sdk/docs/install';

function overrides({ google }: Stage): Record<string, string> {
  return {
    CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE: `${google.url}/compute/v1/`,
    CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE: `${google.url}/storage/v1/`,
  };
}

async function firstMatch(run: Run, command: readonly string[], pattern: RegExp): Promise<string> {
  const version = pattern.exec(await run(command))?.[1];
  if (version === undefined) {
    throw new Error(`\`${command.join(' ')}\` does not say its version`);
  }
  return version;
}

const gcloud: Client = {
  name: 'gcloud',
  title: 'gcloud',
  door: 'gcp-token exec',
  install: INSTALL_GCLOUD,
  version: ({ run }) => firstMatch(run, ['gcloud', '--version'], /^Google Cloud SDK (\S+)/m),
  accessToken: async (stage) => {
    const token = await stage.exec(['gcloud', 'auth', 'print-access-token']);
    const { proof } = await provePrintedAccessToken(stage, token.trim());
    const commands = [
      ['compute', 'instances', 'list', `--zones=${ZONE}`],
      ['storage', 'ls'],
      ['storage', 'ls', `gs://${BUCKET}`],
      ['storage', 'cat', `gs://${BUCKET}/${OBJECT}`],
    ];
    let output = '';
    for (const command of commands) {
      output += await stage.exec(['gcloud', ...command], overrides(stage));
    }
    const uses = ['lists instances', 'lists buckets', 'lists objects', 'reads an object'] as const;
    const used = await proveUse(stage, uses, output);
    return { kind: 'green', proof: `${proof}, ${used.proof}` };
  },
  idToken: async (stage) => {
    const { functionAudience } = stage.google;
    const command = ['gcloud', 'auth', 'print-identity-token', `--audiences=${functionAudience}`];
    return await provePrintedIdToken(stage, (await stage.exec(command)).trim());
  },
};

/** gsutil speaks nothing but TLS with what it takes for Google. */
async function boto({ folder, google }: Stage): Promise<Record<string, string>> {
  const file = join(folder, 'boto');
  const { hostname, port } = new URL(google.tlsUrl);
  const lines = [
    '[Credentials]',
    `gs_json_host = ${hostname}`,
    `gs_json_port = ${port}`,
    '[Boto]',
    `ca_certificates_file = ${google.caFile}`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  return { BOTO_CONFIG: file };
}

const gsutil: Client = {
  name: 'gsutil',
  title: 'gsutil',
  door: 'gcp-token exec',
  install: INSTALL_GCLOUD,
  version: ({ run }) => firstMatch(run, ['gsutil', 'version'], /^gsutil version: (\S+)/m),
  accessToken: async (stage) => {
    const environment = await boto(stage);
    let output = '';
    for (const command of [['ls'], ['ls', `gs://${BUCKET}`], ['cat', `gs://${BUCKET}/${OBJECT}`]]) {
      output += await stage.exec(['gsutil', ...command], environment);
    }
    return await proveUse(stage, ['lists buckets', 'lists objects', 'reads an object'], output);
  },
  idToken: noWay('Cloud Storage takes access tokens only'),
};

const gkeAuthPlugin: Client = {
  name: 'gke-gcloud-auth-plugin',
  title: 'kubectl: gke-gcloud-auth-plugin',
  door: 'gcp-token exec',
  install: INSTALL_GCLOUD,
  version: ({ run }) => firstMatch(run, ['gke-gcloud-auth-plugin', '--version'], /^\S+ (v[\d.]+)/m),
  accessToken: async (stage) => {
    const command = ['gke-gcloud-auth-plugin', '--use_application_default_credentials'];
    const { status } = JSON.parse(await stage.exec(command));
    return await provePrintedAccessToken(stage, status.token);
  },
  idToken: noWay('Google Kubernetes Engine takes access tokens only'),
};

/** What the Google Cloud CLI brings. */
export const GCLOUD_CLIENTS: readonly Client[] = [gcloud, gsutil, gkeAuthPlugin];
