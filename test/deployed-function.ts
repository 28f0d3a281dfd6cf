import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readProfilesFile } from '../infra/profiles-file.ts';
import type { GcpTokenVendorProps } from '../infra/token-vendor.ts';
import { TokenVendorStack } from '../infra/token-vendor-stack.ts';
import { createApp } from './infra-rig.ts';

/** The function as the template describes it: what Lambda is told, and nothing of how it was made. */
export type Deployable = {
  readonly template: string;
  readonly assetFolder: string;
  readonly handler: string;
  readonly runtime: string;
  readonly timeoutMs: number;
  /** With `secretArn` in the place of the secret that CloudFormation would make. */
  readonly environment: (secretArn: string) => Readonly<Record<string, string>>;
};

type FunctionProperties = {
  readonly Handler: string;
  readonly Runtime: string;
  readonly Timeout: number;
  readonly Code: { readonly S3Key: string };
  readonly Environment: { readonly Variables: Readonly<Record<string, unknown>> };
};

type Joined = { readonly 'Fn::Join': readonly [string, readonly (string | { readonly Ref: string })[]] };

function resolveVariable(value: unknown, secretArn: string): string {
  if (typeof value === 'string') {
    return value;
  }
  const [separator, parts] = (value as Joined)['Fn::Join'];
  return parts.map((part) => (typeof part === 'string' ? part : secretArn)).join(separator);
}

/** Synthesizes the stack of the app, with its secret or with other credentials. */
export function synthesize(props: Pick<GcpTokenVendorProps, 'credentials'> = {}): Deployable {
  const app = createApp();
  const profiles = readProfilesFile('infra/profiles.json');
  new TokenVendorStack(app, 'GcpTokenVendor', { profiles, ...props });
  const assembly = app.synth();
  const template = readFileSync(join(assembly.directory, 'GcpTokenVendor.template.json'), 'utf8');
  const assets = JSON.parse(readFileSync(join(assembly.directory, 'GcpTokenVendor.assets.json'), 'utf8'));
  const { Resources } = JSON.parse(template) as {
    Resources: Record<string, { Type: string; Properties: FunctionProperties }>;
  };
  const properties = Object.values(Resources).find(
    ({ Type }) => Type === 'AWS::Lambda::Function',
  )?.Properties;
  if (properties === undefined) {
    throw new Error('the template has no function');
  }
  const asset = properties.Code.S3Key.replace(/\.zip$/, '');
  return {
    template,
    assetFolder: join(assembly.directory, assets.files[asset].source.path),
    handler: properties.Handler,
    runtime: properties.Runtime,
    timeoutMs: properties.Timeout * 1000,
    environment: (secretArn) =>
      Object.fromEntries(
        Object.entries(properties.Environment.Variables).map(([name, value]) => [
          name,
          resolveVariable(value, secretArn),
        ]),
      ),
  };
}

/** What came of an invocation: the handler's result, or what it threw as the runtime would see it. */
export type Invoked = {
  readonly result?: unknown;
  readonly thrown?: {
    readonly name: string;
    readonly message: string;
    readonly fields: readonly string[];
    readonly stack: string;
    readonly inspected: string;
  };
};

/** One environment of the function: a bare process with the bundle and nothing else. */
export type Container = {
  /** What the harness measured when the handler was loaded. */
  readonly ready: { readonly arity: number };
  readonly invoke: (event: unknown, options?: { alias?: string; remainingMs?: number }) => Promise<Invoked>;
  /** Standard output and standard error. */
  readonly written: () => string;
  /** As Lambda does between invocations; nothing runs until `thaw`. */
  readonly freeze: () => void;
  readonly thaw: () => void;
  readonly stop: () => Promise<void>;
};

export type ContainerOptions = {
  readonly deployable: Deployable;
  /** @default - there is no secret */
  readonly secretArn?: string;
  readonly secretsManagerUrl?: string;
  readonly environment?: Readonly<Record<string, string>>;
};

const FUNCTION_NAME = 'GcpTokenVendor-VendorFunction-1A2B3C';
const FUNCTION_ARN = `arn:aws:lambda:eu-west-1:123456789012:function:${FUNCTION_NAME}`;
const MAX_LIFE_MS = 120_000;

/** The variables that Lambda itself sets, beside those of the template. */
function reservedVariables(handler: string, folder: string): Record<string, string> {
  return {
    _HANDLER: handler,
    AWS_ACCESS_KEY_ID: 'ASIALOCALLOCALLOCAL1',
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
    AWS_LAMBDA_FUNCTION_NAME: FUNCTION_NAME,
    AWS_LAMBDA_FUNCTION_VERSION: '1',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_REGION: 'eu-west-1',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_SESSION_TOKEN: 'local-session',
    LAMBDA_TASK_ROOT: folder,
    TZ: ':UTC',
  };
}

function nextMessage(child: ChildProcess, id: unknown): Promise<Invoked> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: Invoked & { id: unknown }) => {
      if (message.id === id) {
        child.off('message', onMessage);
        resolve(message);
      }
    };
    child.on('message', onMessage);
    child.once('exit', (code) => reject(new Error(`the container ended with ${code}`)));
  });
}

/** Starts the function alone in an empty folder, with no `node_modules` above it, for two minutes at the most. */
export async function startContainer(options: ContainerOptions): Promise<Container> {
  const { deployable, secretArn = '', secretsManagerUrl = 'http://127.0.0.1:9' } = options;
  const folder = mkdtempSync(join(tmpdir(), 'vendor-bundle-'));
  cpSync(deployable.assetFolder, folder, { recursive: true });
  copyFileSync(join(import.meta.dirname, 'bundle-harness.mjs'), join(folder, 'harness.mjs'));
  const child = fork(join(folder, 'harness.mjs'), {
    cwd: folder,
    execArgv: [],
    env: {
      ...reservedVariables(deployable.handler, folder),
      ...deployable.environment(secretArn),
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManagerUrl,
      ...options.environment,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    timeout: MAX_LIFE_MS,
    killSignal: 'SIGKILL',
  });
  const written: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => written.push(text));
  }
  child.setMaxListeners(0);
  let invocations = 0;
  const { result } = await nextMessage(child, 'ready').catch((error: unknown) => {
    throw new Error(`${error}: ${written.join('')}`);
  });

  return {
    ready: result as Container['ready'],
    invoke: async (event, { alias = 'default', remainingMs = deployable.timeoutMs } = {}) => {
      invocations += 1;
      const id = invocations;
      child.send({ id, event, arn: `${FUNCTION_ARN}:${alias}`, remainingMs });
      return await nextMessage(child, id);
    },
    written: () => written.join(''),
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
