import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GOOGLE_HOST, GOOGLE_HOSTS } from './google-host.ts';
import { type StandIns, startStandIns } from './stand-ins.ts';
import { createWorkspace, type Workspace } from './workspace.ts';

/** What every benchmark needs: the bundles, the servers, and the environments that lead from one to the other. */
export type Bench = {
  readonly workspace: Workspace;
  readonly standIns: StandIns;
  /** A Lambda container's environment in which Google is at `googlePort` and Secrets Manager as far away as it is. */
  readonly distantEnvironment: Readonly<Record<string, string>>;
  /** The same with a credential that has no secret: federation with AWS, and the impersonation of a service account. */
  readonly federationEnvironment: Readonly<Record<string, string>>;
  /** The same as the first, with Secrets Manager next door and Google's token endpoint at `googlePort`. */
  readonly nearEnvironment: (googlePort: number) => Readonly<Record<string, string>>;
  readonly close: () => Promise<void>;
};

/** @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime */
const LAMBDA_ENVIRONMENT = {
  TZ: ':UTC',
  AWS_REGION: 'eu-west-1',
  AWS_DEFAULT_REGION: 'eu-west-1',
  AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
  AWS_LAMBDA_FUNCTION_NAME: 'bench',
  AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
  AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
  AWS_LAMBDA_LOG_FORMAT: 'JSON',
  AWS_ACCESS_KEY_ID: 'AKIABENCHBENCHBENCH1',
  AWS_SECRET_ACCESS_KEY: 'bench',
  AWS_SESSION_TOKEN: 'bench',
};

function environmentOf(directory: string, standIns: StandIns, routes: Readonly<Record<string, number>>) {
  return {
    ...LAMBDA_ENVIRONMENT,
    // No configuration of the user's own is read from here.
    HOME: directory,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: standIns.secretsUrl,
    CREDENTIALS: JSON.stringify({ default: { secret: standIns.secretId } }),
    SECRET_ID: standIns.secretId,
    NODE_EXTRA_CA_CERTS: join(directory, 'google.pem'),
    BENCH_KEY_FILE: join(directory, 'key.json'),
    BENCH_ROUTES: JSON.stringify(routes),
  };
}

/** Bundles what is measured and starts what it talks to. */
export async function openBench(): Promise<Bench> {
  const workspace = await createWorkspace();
  const { directory } = workspace;
  const standIns = await startStandIns().catch(async (error: unknown) => {
    await workspace.remove();
    throw error;
  });
  await writeFile(join(directory, 'google.pem'), standIns.certificate);
  await writeFile(join(directory, 'key.json'), standIns.keyDocument, { mode: 0o600 });
  const distantEnvironment = environmentOf(directory, standIns, {
    ...Object.fromEntries(GOOGLE_HOSTS.map((host) => [`${host}:443`, standIns.distantGooglePort])),
    [new URL(standIns.secretsUrl).host]: standIns.distantSecretsPort,
  });

  return {
    workspace,
    standIns,
    distantEnvironment,
    federationEnvironment: {
      ...distantEnvironment,
      ...standIns.federation.keys,
      CREDENTIALS: `{"default":{"document":${standIns.federation.document}}}`,
      FEDERATION_DOCUMENT: standIns.federation.document,
    },
    nearEnvironment: (port) => environmentOf(directory, standIns, { [`${GOOGLE_HOST}:443`]: port }),
    close: async () => {
      await standIns.close();
      await workspace.remove();
    },
  };
}
