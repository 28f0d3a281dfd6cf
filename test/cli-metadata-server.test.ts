import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliRig, openCli, PRINCIPAL } from './cli-rig.ts';
import { needTool, runTool } from './optional-tool.ts';

const ACCOUNTS = '/computeMetadata/v1/instance/service-accounts';
const MAIN = join(import.meta.dirname, '..', 'client', 'cli', 'main.ts');

let cli: CliRig;

beforeAll(async () => {
  cli = await openCli();
});

afterAll(async () => await cli.close());

function hostIn(exports: string): string {
  return /GCE_METADATA_HOST=(\S+)/.exec(exports)?.[1] ?? '';
}

async function read(host: string, path: string): Promise<string> {
  const response = await fetch(`http://${host}${path}`, { headers: { 'metadata-flavor': 'Google' } });
  return await response.text();
}

test.concurrent('prints the lines to export, serves, and stops on a signal', async ({ expect }) => {
  const running = cli.start(['metadata-server', '--port', '0', '--project', 'my-project']);
  const exports = await running.untilSaid('GCP_TOKEN_METADATA_PID');
  const host = hostIn(exports);

  const email = await read(host, `${ACCOUNTS}/default/email`);
  const project = await read(host, '/computeMetadata/v1/project/project-id');
  const { status, stderr } = await running.stop();

  expect({ status, email, project }).toEqual({ status: 0, email: PRINCIPAL, project: 'my-project' });
  expect(exports).toBe(
    `export GCE_METADATA_HOST=${host}\nexport GCE_METADATA_IP=${host}\nexport GCE_METADATA_ROOT=${host}\nexport METADATA_SERVER_DETECTION=assume-present\nexport GCP_TOKEN_METADATA_PID=${running.pid}\n`,
  );
  expect(stderr).toMatch(
    /^gcp-token: the metadata server for default is at 127\.0\.0\.1:\d+; Ctrl-C stops it\.\n/,
  );
  expect(stderr).toMatch(/default\/email 200/);
  await expect(read(host, '/')).rejects.toThrow();
});

test.concurrent('serves several profiles, each by its name, and the addresses that it is given', async ({
  expect,
}) => {
  const running = cli.start([
    'metadata-server',
    '--port=0',
    '--quiet',
    '--profile=default',
    '--profile=reports',
    '--email=reports=reports@p.iam.gserviceaccount.com',
  ]);
  const host = hostIn(await running.untilSaid('GCP_TOKEN_METADATA_PID'));

  const given = await read(host, `${ACCOUNTS}/reports/email`);
  const scopes = await read(host, `${ACCOUNTS}/reports@p.iam.gserviceaccount.com/scopes`);
  const { stderr } = await running.stop();

  expect(given).toBe('reports@p.iam.gserviceaccount.com');
  expect(scopes).toContain('devstorage.read_only');
  expect(stderr).toBe('');
});

test.concurrent('leads a shell to it by eval, and is stopped from there', async (context) => {
  await needTool(context, 'bash', ['--version']);
  const script = `
    eval "$("$0" "$1" metadata-server --port 0 --quiet &)"
    "$0" -e 'fetch("http://" + process.env.GCE_METADATA_HOST).then(({ status }) => console.log(status))'
    kill "$GCP_TOKEN_METADATA_PID"
    for _ in $(seq 100); do kill -0 "$GCP_TOKEN_METADATA_PID" 2>/dev/null || { echo gone; break; }; sleep 0.05; done
  `;

  const { stdout, stderr } = await runTool('bash', ['-c', script, process.execPath, MAIN], {
    GCP_TOKEN_URL: cli.vendor.url,
  });

  expect({ stdout, stderr }).toEqual({ stdout: '200\ngone\n', stderr: '' });
});

const FAULTS: readonly (readonly [what: string, args: readonly string[], status: number, says: RegExp])[] = [
  ['what is no port', ['--port', '70000'], 2, /--port: "70000" is no port/],
  ['what is no address of a profile', ['--email', 'default'], 2, /--email: "default" is not PROFILE=EMAIL/],
  ['an address for a profile that is not served', ['--email', 'a=b@p.iam.gserviceaccount.com'], 2, /--email/],
  ['what is no host', ['--port=0', '--host', 'example.com'], 1, /host: "example\.com" is no IP address/],
  [
    'a host of another machine',
    ['--port=0', '--host', '192.0.2.1'],
    1,
    /192\.0\.2\.1.*choose another --host/,
  ],
  ['what is no project’s number', ['--port=0', '--numeric-project', 'x'], 1, /no number/],
];

test.concurrent.for(FAULTS)('refuses %s', async ([, args, status, says], { expect }) => {
  const ended = await cli.run(['metadata-server', ...args]);

  expect({ status: ended.status, stdout: ended.stdout }).toEqual({ status, stdout: '' });
  expect(ended.stderr).toMatch(says);
  expect(ended.stderr.trimEnd()).not.toContain('\n');
});

test('says so if the port is in use', async () => {
  const running = cli.start(['metadata-server', '--port', '0']);
  const host = hostIn(await running.untilSaid('GCP_TOKEN_METADATA_PID'));

  const { status, stderr } = await cli.run(['metadata-server', '--port', host.split(':')[1] ?? '']);
  await running.stop();

  expect(status).toBe(1);
  expect(stderr).toMatch(/in use; choose another --port/);
});
