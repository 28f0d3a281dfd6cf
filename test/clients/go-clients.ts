import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Client } from './client.ts';
import { packageVersion } from './debian-package.ts';
import { createProgramClient, programFile } from './program-client.ts';
import type { Run, Stage } from './stage.ts';

const LIBRARIES = '/usr/share/gocode';

/** Builds of Debian's sources, which know no modules, and with the cache of whoever runs this. */
function environment(): Record<string, string> {
  return {
    GO111MODULE: 'off',
    GOPATH: LIBRARIES,
    GOCACHE: process.env.GOCACHE ?? join(homedir(), '.cache/go-build'),
    GOTOOLCHAIN: 'local',
  };
}

async function build({ run, folder }: Stage, program: string): Promise<readonly string[]> {
  const executable = join(folder, program);
  await run(['go', 'build', '-o', executable, join(programFile(program), 'main.go')], environment());
  return [executable];
}

async function goVersion(run: Run): Promise<string> {
  return (await run(['go', 'env', 'GOVERSION'], environment())).trim().replace(/^go/, 'Go ');
}

const oauth2 = createProgramClient({
  name: 'go',
  title: 'Go: x/oauth2 and compute/metadata',
  install: 'apt-get install golang-go golang-golang-x-oauth2-google-dev',
  version: async ({ run }) => {
    const library = await packageVersion(run, 'golang-golang-x-oauth2-google-dev');
    const metadata = await packageVersion(run, 'golang-google-cloud-compute-metadata-dev');
    return `${library} and ${metadata}, ${await goVersion(run)}`;
  },
  command: (stage) => build(stage, 'go-oauth2'),
});

const api = createProgramClient({
  name: 'go-api',
  title: 'Go: google.golang.org/api',
  install: 'apt-get install golang-go golang-google-api-dev',
  version: async ({ run }) =>
    `${await packageVersion(run, 'golang-google-api-dev')}, ${await goVersion(run)}`,
  command: (stage) => build(stage, 'go-api'),
});

/** Google's libraries for Go, as Debian has them. */
export const GO_CLIENTS: readonly Client[] = [oauth2, api];
