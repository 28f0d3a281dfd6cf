import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from './client.ts';
import { provePrintedAccessToken, provePrintedIdToken } from './proof.ts';
import type { Stage } from './stage.ts';

/** Invokes the function by its alias. `fileb` is how both versions of the AWS CLI take a payload as it is. */
async function invoke({ run, vendor, folder }: Stage, payload: object): Promise<Record<string, string>> {
  const [input, output] = [join(folder, 'payload.json'), join(folder, 'answer.json')];
  await writeFile(input, JSON.stringify(payload));
  const place = [
    '--endpoint-url',
    vendor.url,
    '--function-name',
    vendor.functionName,
    '--qualifier',
    'default',
  ];
  await run(['aws', 'lambda', 'invoke', ...place, '--payload', `fileb://${input}`, output]);
  return JSON.parse(await readFile(output, 'utf8'));
}

/** The AWS CLI, which invokes the function. */
export const AWS_CLI_CLIENT: Client = {
  name: 'aws-cli',
  title: 'AWS CLI',
  door: 'Lambda API',
  install: 'apt-get install awscli',
  version: async ({ run }) => (await run(['aws', '--version'])).split(' ')[0]?.replace('aws-cli/', '') ?? '',
  accessToken: async (stage) => {
    const { access_token: token = '' } = await invoke(stage, { scopes: ['cloud-platform'] });
    return await provePrintedAccessToken(stage, token);
  },
  idToken: async (stage) => {
    const { id_token: token = '' } = await invoke(stage, { audience: stage.google.functionAudience });
    return await provePrintedIdToken(stage, token);
  },
};
