import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, matchesGlob } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import manifest from '../package.json' with { type: 'json' };
import { startScript } from './child-command.ts';
import { fakeClient, startMetadataRig } from './make-metadata.ts';

/** There is no Docker in the tests: what can be known of the image without building it is held to here. */
const FOLDER = join(import.meta.dirname, '../client/metadata');
const dockerfile = readFileSync(join(FOLDER, 'Dockerfile'), 'utf8').replaceAll('\\\n', '');
const ignored = readFileSync(join(FOLDER, 'Dockerfile.dockerignore'), 'utf8').trim().split('\n');
const page = readFileSync(join(FOLDER, '../../docs/metadata-server.md'), 'utf8');
const PACKED = `${manifest.name}-${manifest.version}.tgz`;
const closers: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** Returns what follows an instruction, each time that it is there. */
function instructions(name: string): readonly string[] {
  return [...dockerfile.matchAll(new RegExp(`^${name} (.*)$`, 'gm'))].map(([, rest = '']) => rest.trim());
}

function execForm(text: string | undefined): readonly string[] {
  return JSON.parse(/\[.*\]$/.exec(text ?? '')?.[0] ?? 'null');
}

const environment = Object.fromEntries(
  instructions('ENV').flatMap((line) => line.split(/\s+/).map((pair) => pair.split('='))),
) as Readonly<Record<string, string>>;

/** Runs the image's check of its health with the server at `host`, and returns its exit status. */
async function checkHealth(host: string): Promise<unknown> {
  const [command = '', ...args] = execForm(instructions('HEALTHCHECK')[0]);
  expect(command).toBe('node');
  return await new Promise((resolve) => {
    execFile(process.execPath, args, { env: { GCE_METADATA_HOST: host }, timeout: 20_000 }, (error) =>
      resolve(error === null ? 0 : error.code),
    );
  });
}

test('the image is built of the package that npm pack makes, and of nothing else', () => {
  const [fromContext, ...others] = instructions('COPY').filter((line) => !line.startsWith('--from='));
  const [source = ''] = (fromContext ?? '').split(' ');

  expect(others).toEqual([]);
  expect(matchesGlob(PACKED, source)).toBe(true);
  expect(ignored).toEqual(['*', `!${source}`]);
});

test('the image copies from its first stage what that has installed', () => {
  const [stage, source] = /^--from=(\S+) (\S+)/.exec(instructions('COPY').at(-1) ?? '')?.slice(1) ?? [];

  expect(instructions('FROM')[0]).toMatch(new RegExp(` AS ${stage}$`));
  expect(source).toBe(`${instructions('WORKDIR')[0]}/node_modules`);
  expect(environment.PATH?.split(':')[0]).toBe(`${source}/.bin`);
});

test('the image is of the official Node.js of the version that runs the tests, and not run by root', () => {
  const images = instructions('FROM').map((line) => line.split(' ')[0]);

  expect(images).toEqual(Array(2).fill(`node:${process.versions.node.split('.')[0]}-bookworm-slim`));
  expect(instructions('USER')).toEqual(['node']);
});

test('the image runs a command that there is, at the port that its health is checked at', async () => {
  const [command = '', ...args] = execForm(instructions('ENTRYPOINT')[0]);

  const { status, stdout } = await startScript(command, [...args, '--help']).ended;

  expect(manifest.bin).toHaveProperty(command);
  expect(status).toBe(0);
  const [, port] = /default: (\d+)/.exec(stdout) ?? [];
  expect(environment.GCE_METADATA_HOST).toBe(`127.0.0.1:${port}`);
});

test('the image is healthy while the metadata server answers, without a question to the vendor', async () => {
  const client = fakeClient();
  const rig = await startMetadataRig({ clients: [client] });
  closers.push(rig.close);

  const healthy = await checkHealth(rig.host);
  await rig.close();
  const closed = await checkHealth(rig.host);

  expect([healthy, closed]).toEqual([0, 1]);
  expect(client.asked).toEqual([]);
});

test('the image is not healthy if something else answers in its place', async () => {
  const other = createServer((_, response) => response.end('hello'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  closers.push(() => other.close());

  const status = await checkHealth(`127.0.0.1:${(other.address() as AddressInfo).port}`);

  expect(status).toBe(1);
});

/** Returns the examples of the page in one language. */
function examples(language: string): readonly string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, text = '']) => text,
  );
}

test('the examples for ECS and EKS start the program when the server answers, and lead it to the right port', () => {
  const [task] = examples('json').map((text) => JSON.parse(text));
  const [pod] = examples('yaml').map((text) => parse(text));
  const [sidecar, program] = task.containerDefinitions;
  const [initContainer] = pod.spec.initContainers;
  const host = environment.GCE_METADATA_HOST;
  const variables = [
    ...['GCE_METADATA_HOST', 'GCE_METADATA_IP', 'GCE_METADATA_ROOT'].map((name) => ({ name, value: host })),
    { name: 'METADATA_SERVER_DETECTION', value: 'assume-present' },
  ];

  expect(task.networkMode).toBe('awsvpc');
  expect(program.environment).toEqual(variables);
  expect(pod.spec.containers[0].env).toEqual(variables);
  expect(program.dependsOn).toEqual([{ containerName: sidecar.name, condition: 'HEALTHY' }]);
  expect(initContainer.restartPolicy).toBe('Always');
  for (const command of [sidecar.healthCheck.command, initContainer.startupProbe.exec.command]) {
    expect(command.join(' ')).toContain(`fetch('http://${host}')`);
  }
});
