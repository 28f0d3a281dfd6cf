import { once } from 'node:events';
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { devNull } from 'node:os';
import { UsageError } from '../../infra/usage-error.ts';
import { fieldsOf } from '../../lambda/fields.ts';
import { quote } from '../../lambda/quote.ts';
import { type MetadataServer, startMetadataServer } from '../metadata/metadata-server.ts';
import type { TokenClient } from '../token-client.ts';
import { emailsOf } from './profile-emails.ts';
import { tell } from './tell.ts';

export type ServeFlags = {
  readonly port: number;
  readonly host: string;
  readonly allowedHost?: readonly string[];
  readonly project?: string;
  readonly numericProject?: string;
  readonly universeDomain?: string;
  /** Each as `PROFILE=EMAIL`. */
  readonly email?: readonly string[];
  readonly quiet?: boolean;
};

const STDOUT = 1;

const LISTEN_FIXES: ReadonlyMap<unknown, string> = new Map([
  ['EADDRINUSE', 'it is in use; choose another --port, or 0 for any that is free'],
  ['EACCES', 'you may not; choose a --port above 1023'],
  ['EADDRNOTAVAIL', 'that is no address of this machine; choose another --host'],
]);

async function start(clients: readonly TokenClient[], flags: ServeFlags): Promise<MetadataServer> {
  const { port, host, project, numericProject, universeDomain } = flags;
  try {
    return await startMetadataServer({
      clients,
      emails: emailsOf(flags.email ?? [], clients),
      port,
      host,
      allowedHosts: flags.allowedHost,
      projectId: project,
      numericProjectId: numericProject,
      universeDomain,
      log: flags.quiet === true ? undefined : (line) => tell(`gcp-token: ${line}`),
    });
  } catch (cause) {
    const fix = LISTEN_FIXES.get(fieldsOf(cause).code);
    throw fix === undefined
      ? cause
      : new UsageError(`the metadata server cannot listen at port ${port} of ${quote(host)}: ${fix}.`, {
          cause,
        });
  }
}

/** Returns the lines that lead a shell, and what it runs, to the server. */
export function exportLines(host: string, pid: number): string {
  const variables = {
    GCE_METADATA_HOST: host,
    GCE_METADATA_IP: host,
    GCE_METADATA_ROOT: host,
    METADATA_SERVER_DETECTION: 'assume-present',
    GCP_TOKEN_METADATA_PID: String(pid),
  };
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${value}\n`)
    .join('');
}

/** A shell that reads the lines by `$(…)` waits for the end of them, which comes when nobody has the pipe open any more. */
function print(text: string): void {
  try {
    writeSync(STDOUT, text);
    if (fstatSync(STDOUT).isFIFO()) {
      closeSync(STDOUT);
      openSync(devNull, 'w');
    }
  } catch {
    // Nobody reads it.
  }
}

/**
 * Runs the metadata server until a signal stops it.
 *
 * @throws {UsageError} for an address or a port that cannot be had
 */
export async function serveMetadata(clients: readonly TokenClient[], flags: ServeFlags): Promise<void> {
  const server = await start(clients, flags);
  const stopped = Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal)));
  if (flags.quiet !== true) {
    const profiles = clients.map(({ profile }) => profile).join(', ');
    tell(`gcp-token: the metadata server for ${profiles} is at ${server.host}; Ctrl-C stops it.`);
  }
  print(exportLines(server.host, process.pid));
  await stopped;
  await server.close();
}
