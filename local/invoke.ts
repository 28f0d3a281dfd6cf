import { readFile } from 'node:fs/promises';
import { AwsClient } from 'aws4fetch';
import { runCommand, UsageError } from '../infra/usage-error.ts';
import { createTerminalAudit } from './audit-line.ts';
import { INVOKE_HELP, type InvokeOptions, parseInvokeOptions } from './invoke-options.ts';
import { startLocalVendor } from './local-vendor.ts';
import { FUNCTION_NAME, REGION } from './place.ts';
import { DEFAULT_PROFILES_FILE } from './start-options.ts';

type InvocationType = 'RequestResponse' | 'DryRun';

const PROBE_TIMEOUT_MS = 2_000;
const INVOKE_TIMEOUT_MS = 40_000;

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function readEvent(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UsageError(`${file} cannot be read; the samples are in events/.`, { cause });
  });
  try {
    JSON.parse(text);
    return text;
  } catch (cause) {
    throw new UsageError(`${file} is not JSON.`, { cause });
  }
}

/** Signs if the environment has keys; a vendor with the stand-ins alone takes the request without. */
function send(url: string, init: RequestInit): Promise<Response> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
  if (accessKeyId === undefined || secretAccessKey === undefined || !accessKeyId.startsWith('AKIALOCAL')) {
    return fetch(url, init);
  }
  return new AwsClient({ accessKeyId, secretAccessKey, region: REGION, service: 'lambda', retries: 0 }).fetch(
    url,
    init,
  );
}

function callInvokeApi(
  vendorUrl: string,
  { profile }: InvokeOptions,
  type: InvocationType,
  event: string,
): Promise<Response> {
  const qualifier = profile === undefined ? '' : `?Qualifier=${encodeURIComponent(profile)}`;
  const url = `${vendorUrl}/2015-03-31/functions/${FUNCTION_NAME}/invocations${qualifier}`;
  return send(url, {
    method: 'POST',
    body: event,
    headers: { 'x-amz-invocation-type': type, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(type === 'DryRun' ? PROBE_TIMEOUT_MS : INVOKE_TIMEOUT_MS),
  });
}

async function isRunning(vendorUrl: string, options: InvokeOptions): Promise<boolean> {
  try {
    const response = await callInvokeApi(vendorUrl, options, 'DryRun', '{}');
    return response.headers.has('x-amzn-requestid');
  } catch {
    return false;
  }
}

async function invoke(vendorUrl: string, options: InvokeOptions, event: string): Promise<void> {
  const response = await callInvokeApi(vendorUrl, options, 'RequestResponse', event);
  process.stdout.write(`${await response.text()}\n`);
  if (response.status === 403) {
    log(
      'The vendor demands signed requests: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to the keys that npm start printed.',
    );
  }
  process.exitCode = response.ok && !response.headers.has('x-amz-function-error') ? 0 : 1;
}

async function invokeOnce(options: InvokeOptions, event: string): Promise<void> {
  const vendor = await startLocalVendor(
    {
      help: false,
      port: 0,
      profilesFile: options.profilesFile ?? DEFAULT_PROFILES_FILE,
      credential: { kind: 'stand-in' },
      requireSignature: false,
    },
    { audit: createTerminalAudit(log), log },
  );
  try {
    await invoke(vendor.url, options, event);
  } finally {
    await vendor.close();
  }
}

await runCommand(async () => {
  const options = parseInvokeOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(INVOKE_HELP);
    return;
  }
  const event = await readEvent(options.eventFile);
  const running = `http://127.0.0.1:${options.port}`;
  if (options.port !== 0 && (await isRunning(running, options))) {
    log(`Invoking the vendor that runs at ${running}.`);
    if (options.profilesFile !== undefined) {
      log(
        `--profiles ${options.profilesFile} is not used: that vendor has its own profiles. Stop it, or give another --port.`,
      );
    }
    await invoke(running, options, event);
  } else {
    log(`No vendor runs at ${running}: starting one for this event.`);
    await invokeOnce(options, event);
  }
});
