import { randomInt } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { isIP } from 'node:net';
import { UsageError } from '../../infra/usage-error.ts';
import { quote } from '../../lambda/quote.ts';
import type { TokenClient } from '../token-client.ts';
import { createAccounts } from './accounts.ts';
import { type ChangeWait, createChangeWait } from './change-wait.ts';
import { createFreshTokens } from './fresh-tokens.ts';
import { createGuard } from './guard.ts';
import { LISTENER_LIMITS, type ListenerLimits, listenForHttp } from './http-listener.ts';
import { createLookup } from './lookup.ts';
import { createTree } from './metadata-tree.ts';
import { createRequestLog } from './request-log.ts';
import { createResponder } from './responder.ts';
import { createVendorGate, GATE_LIMITS, type GateLimits } from './vendor-gate.ts';

export type MetadataServerOptions = {
  /** The first is the account `default`; each further profile is a further account, by its address and by its name. */
  readonly clients: readonly TokenClient[];
  /** The addresses of the service accounts by profile, where the vendor does not know them. */
  readonly emails?: Readonly<Record<string, string>> | undefined;
  /**
   * 0 for any that is free.
   * @default 0
   */
  readonly port?: number | undefined;
  /**
   * The address to listen on. Whoever reaches another one than loopback can have tokens.
   * @default 127.0.0.1
   */
  readonly host?: string | undefined;
  /** Names besides its own that clients address it by, without a port. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** @default - what the address of the first service account says */
  readonly projectId?: string | undefined;
  /** @default - what the address of the first service account says, if anything */
  readonly numericProjectId?: string | undefined;
  /** @default googleapis.com */
  readonly universeDomain?: string | undefined;
  /** Is given a line for each request, without tokens and without the values of queries. */
  readonly log?: ((line: string) => void) | undefined;
};

export type MetadataServerDependencies = {
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly listenerLimits?: ListenerLimits;
  readonly gateLimits?: GateLimits;
};

/** A metadata server that answers. */
export type MetadataServer = {
  /** For `GCE_METADATA_HOST`, for example `127.0.0.1:8080`. */
  readonly host: string;
  readonly port: number;
  /** Stops listening and ends every connection; may be called again. */
  readonly close: () => Promise<void>;
};

const LOOPBACK = '127.0.0.1';
const MAX_INSTANCE_ID = 2 ** 48 - 1;

function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}

/** Where all addresses are listened on, this machine reaches it by loopback. */
function reachedBy(host: string): string {
  return host === '0.0.0.0' || host === '::' ? LOOPBACK : bracketed(host);
}

function checkHost(host: string): string {
  if (host !== 'localhost' && isIP(host) === 0) {
    throw new UsageError(`host: ${quote(host)} is no IP address, such as 127.0.0.1.`);
  }
  return host;
}

function checkPort(port: number): number {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new UsageError(`port: ${port} is no port (0 to 65535).`);
  }
  return port;
}

function checkProjectNumber(number: string | undefined): void {
  if (number !== undefined && !/^\d{1,15}$/.test(number)) {
    throw new UsageError(
      `numericProjectId: ${quote(number)} is no number; a project's name is its projectId.`,
    );
  }
}

function compose(
  options: MetadataServerOptions,
  changeWait: ChangeWait,
  { now = Date.now, gateLimits = GATE_LIMITS }: MetadataServerDependencies,
): RequestListener {
  const { clients, emails = {}, host = LOOPBACK, allowedHosts = [], log } = options;
  const accounts = createAccounts(clients, emails, {
    ask: createVendorGate(gateLimits),
    now,
    log: log ?? (() => {}),
  });
  const fresh = createFreshTokens(now);
  const tree = createTree({ ...options, instanceId: randomInt(1, MAX_INSTANCE_ID) }, accounts, fresh);
  return createResponder({
    guard: createGuard([reachedBy(host), ...allowedHosts]),
    fresh,
    lookup: createLookup(tree),
    changeWait,
    log: createRequestLog(log),
  });
}

/**
 * Starts a server that speaks the protocol of Compute Engine's metadata server, so that programs written for Google's
 * machines find their tokens here. It listens on loopback unless `host` says otherwise, and asks the vendor for nothing before
 * it is asked.
 *
 * @throws {UsageError} for options that cannot be
 * @throws {Error} the listener's own error: `EADDRINUSE` for a port that is taken, …
 * @see https://cloud.google.com/compute/docs/metadata/overview
 */
export async function startMetadataServer(
  options: MetadataServerOptions,
  dependencies: MetadataServerDependencies = {},
): Promise<MetadataServer> {
  const host = checkHost(options.host ?? LOOPBACK);
  const port = checkPort(options.port ?? 0);
  checkProjectNumber(options.numericProjectId);
  const { listenerLimits = LISTENER_LIMITS } = dependencies;
  const changeWait = createChangeWait();
  const responder = compose(options, changeWait, dependencies);
  const listener = await listenForHttp(responder, { host, port }, listenerLimits);

  return {
    host: `${reachedBy(host)}:${listener.port}`,
    port: listener.port,
    close: async () => {
      changeWait.close();
      await listener.close();
    },
  };
}
