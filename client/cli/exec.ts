import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type MetadataServer, startMetadataServer } from '../metadata/metadata-server.ts';
import type { TokenClient } from '../token-client.ts';
import { childEnvironment } from './child-environment.ts';
import { fillGcloudFolder, gcloudHome } from './gcloud-folder.ts';
import { fillGsutilSettings, gsutilCredentials } from './gsutil-settings.ts';
import { relaySignals, runChild, type SignalRelay, statusOfSignal } from './run-child.ts';
import { tell } from './tell.ts';
import { createTemporaryFolder, type TemporaryFolder } from './temporary-folder.ts';

export type Execution = {
  /** The command and its arguments. */
  readonly command: readonly string[];
  /** The first is of the default account. */
  readonly clients: readonly TokenClient[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly projectId: string | undefined;
  /** By profile, where the vendor does not know them. */
  readonly emails: Readonly<Record<string, string>>;
  /** Says nothing that is not a failure. */
  readonly quiet: boolean;
  /** Tells of each request to the metadata server. */
  readonly verbose: boolean;
};

function openGcloudFolder(environment: Execution['environment']): TemporaryFolder | undefined {
  try {
    const folder = createTemporaryFolder();
    fillGcloudFolder(folder.path, gcloudHome(environment));
    fillGsutilSettings(folder.path);
    return folder;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    tell(
      `gcp-token: there is no place for a temporary folder (${reason}), so gcloud works in your own. Set TMPDIR.`,
    );
    return undefined;
  }
}

function tellWhatOutranks(removed: readonly string[], environment: Execution['environment']): void {
  if (removed.length > 0) {
    tell(`gcp-token: not passed on, so that the vendor’s tokens are used: ${removed.join(', ')}`);
  }
  const adc = join(
    environment.HOME || homedir(),
    '.config',
    'gcloud',
    'application_default_credentials.json',
  );
  if (existsSync(adc)) {
    tell(
      `gcp-token: programs in Go (Terraform, rclone) take your own login in ${adc} before the vendor’s: move it away, or run \`gcloud auth application-default revoke\`.`,
    );
  }
  const boto = gsutilCredentials(environment);
  if (boto !== undefined) {
    tell(
      `gcp-token: gsutil takes its own credentials in ${boto} before the vendor’s: take them out, or move the file away.`,
    );
  }
}

async function runBeside(server: MetadataServer, execution: Execution, relay: SignalRelay): Promise<number> {
  const folder = openGcloudFolder(execution.environment);
  try {
    const { environment, removed } = childEnvironment(execution.environment, {
      metadataHost: server.host,
      gcloudFolder: folder?.path,
      projectId: execution.projectId,
    });
    if (!execution.quiet) {
      tellWhatOutranks(removed, execution.environment);
    }
    const early = relay.early();
    if (early !== undefined) {
      return statusOfSignal(early);
    }
    const { status, fault } = await runChild(execution.command, environment, relay);
    if (fault !== undefined) {
      tell(`gcp-token: ${fault}`);
    }
    return status;
  } finally {
    folder?.remove();
  }
}

/** What the metadata server says of a request that the vendor, or it itself, refused: a client is apt to keep the reason to itself. */
const REFUSED = / (?:400|403|429|5\d\d) \d+ ms: (.+)$/;

/** Returns what tells of requests: of all of them, or, each reason one time, of those that failed. */
function createLog({ quiet, verbose }: Execution): (line: string) => void {
  const told = new Set<string>();
  return (line) => {
    const [, reason] = REFUSED.exec(line) ?? [];
    if (verbose) {
      tell(`gcp-token: ${line}`);
    } else if (!quiet && reason !== undefined && !told.has(reason)) {
      told.add(reason);
      tell(`gcp-token: ${reason}`);
    }
  };
}

/**
 * Runs a command beside a metadata server that gives it the vendor's tokens, and returns its exit status. Whatever becomes of the
 * command, the server and the temporary folder are gone afterwards.
 *
 * @throws {UsageError} if the server cannot be started
 */
export async function execute(execution: Execution): Promise<number> {
  const relay = relaySignals();
  const { clients, projectId, emails } = execution;
  const server = await startMetadataServer({ clients, projectId, emails, log: createLog(execution) });
  try {
    // A client may wait for five seconds only: by the time that it asks, the vendor should be awake.
    clients[0]?.accessToken().catch(() => {});
    return await runBeside(server, execution, relay);
  } finally {
    await server.close();
    relay.stop();
  }
}
