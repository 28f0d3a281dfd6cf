import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import {
  type MetadataServerDependencies,
  type MetadataServerOptions,
  startMetadataServer,
} from '../client/metadata/metadata-server.ts';
import type { AccessToken, AccessTokenQuery, IdToken, TokenClient } from '../client/token-client.ts';
import { VendError } from '../lambda/errors.ts';
import { expandScopes } from '../lambda/policy/scopes.ts';

export const EMAIL = 'vendor@example-project.iam.gserviceaccount.com';
export const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
export const STORAGE_RO = 'https://www.googleapis.com/auth/devstorage.read_only';
export const AUDIENCE = 'https://europe-west1-example.cloudfunctions.net/hello';

const HOUR_MS = 3_600_000;

export type FakeClientOptions = {
  readonly profile?: string;
  /** `undefined` for a vendor that does not know. */
  readonly principal?: string | undefined;
  /** What the profile allows; none: no access tokens. */
  readonly scopes?: readonly string[];
  readonly audiences?: readonly string[];
  readonly now?: () => number;
  readonly lifeMs?: number;
  /** What every question waits for, or fails with. */
  readonly before?: () => Promise<void>;
};

/** A client of a vendor that there is not, and what it was asked: `access` with scopes, or `identity` with an audience. */
export type FakeClient = TokenClient & { readonly asked: readonly string[] };

/** Returns a client that judges as a vendor does, and keeps nothing. */
export function fakeClient(options: FakeClientOptions = {}): FakeClient {
  const { profile = 'default', scopes = [CLOUD_PLATFORM], audiences = [AUDIENCE] } = options;
  const { now = Date.now, lifeMs = HOUR_MS, before = async () => {} } = options;
  const principal = 'principal' in options ? options.principal : EMAIL;
  const whose = principal === undefined ? {} : { principal };
  const asked: string[] = [];

  const accessToken = async ({ scopes: wanted = [] }: AccessTokenQuery = {}): Promise<AccessToken> => {
    const list = expandScopes(typeof wanted === 'string' ? wanted.split(/[ ,]/) : wanted);
    asked.push(`access ${list.join(' ')}`.trim());
    await before();
    const denied = list.find((scope) => !scopes.includes(scope));
    if (scopes.length === 0 || denied !== undefined) {
      const what = denied === undefined ? 'access tokens' : `the scope "${denied}"`;
      throw new VendError('access_denied', `The profile "${profile}" does not allow ${what}.`);
    }
    const granted = list.length === 0 ? [...scopes].sort() : list;
    const token = `ya29.${profile}.${granted.map((scope) => scope.split('/').at(-1)).join('+')}`;
    return { token, expiresAtMs: now() + lifeMs, scopes: granted, ...whose };
  };

  const idToken = async ({ audience }: { readonly audience: string }): Promise<IdToken> => {
    asked.push(`identity ${audience}`);
    await before();
    if (!audiences.includes(audience)) {
      throw new VendError(
        'access_denied',
        `The profile "${profile}" does not allow the audience "${audience}".`,
      );
    }
    return { token: `eyJ.${profile}.${audience.length}`, audience, expiresAtMs: now() + lifeMs, ...whose };
  };

  return {
    profile,
    asked,
    accessToken,
    idToken,
    headers: async () => ({ authorization: `Bearer ${(await accessToken()).token}` }),
  };
}

export type Got = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string };

export type Ask = {
  readonly method?: string;
  /** Beside `Metadata-Flavor`, or in its place. */
  readonly headers?: OutgoingHttpHeaders;
  /** Sent as it is, from the slash on. */
  readonly target?: string;
  readonly flavor?: boolean;
  readonly body?: string;
};

/** Sends one request to a port of loopback, with just the headers that are given, and follows nothing. */
export async function askMetadata(port: number, options: Ask): Promise<Got> {
  const { method = 'GET', headers = {}, target = '/', flavor = true, body } = options;
  const sent = request({
    host: '127.0.0.1',
    port,
    method,
    path: target,
    headers: { ...(flavor && { 'Metadata-Flavor': 'Google' }), ...headers },
    agent: false,
  });
  const answered = new Promise<Got>((resolve, reject) => {
    sent.once('error', reject);
    sent.once('response', (response) => {
      text(response).then(
        (content) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: content }),
        reject,
      );
    });
  });
  sent.end(body);
  return await answered;
}

export type MetadataRig = {
  readonly host: string;
  readonly port: number;
  readonly lines: readonly string[];
  /** Returns the answer to a path under `/computeMetadata/v1/`. */
  readonly get: (path: string, more?: Omit<Ask, 'target'>) => Promise<Got>;
  readonly ask: (options: Ask) => Promise<Got>;
  readonly close: () => Promise<void>;
};

/** Starts a metadata server before fake clients, one of the profile `default` if none are given. */
export async function startMetadataRig(
  options: Partial<MetadataServerOptions> = {},
  dependencies: MetadataServerDependencies = {},
): Promise<MetadataRig> {
  const lines: string[] = [];
  const server = await startMetadataServer(
    { clients: [fakeClient()], log: (line) => lines.push(line), ...options },
    dependencies,
  );
  const ask = (what: Ask) => askMetadata(server.port, what);
  return {
    ...server,
    lines,
    ask,
    get: (path, more = {}) => ask({ ...more, target: `/computeMetadata/v1/${path}` }),
  };
}
