import { createAudit } from '../lambda/audit.ts';
import { createSecretReader } from '../lambda/aws/secrets-manager.ts';
import { createNetwork } from '../lambda/google/post.ts';
import { type ProfilesDocument, parseProfiles } from '../lambda/policy/profiles.ts';
import { createVendor, type Vendor, type VendorDependencies } from '../lambda/vendor.ts';
import type { Visit } from '../lambda/visit.ts';
import { type LocalSecretsManager, startSecretsManager } from '../local/aws/secrets-manager.ts';
import type { KeyFile } from '../local/google/key-file.ts';
import { FUNCTION_AUDIENCE, type Google, type GoogleOptions, startGoogle } from '../local/google/server.ts';
import type { ServiceAccount } from '../local/google/service-accounts.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { contextFor, httpApiEvent } from './make-event.ts';

export const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
export const MINUTE_MS = 60_000;

export const PROFILES: ProfilesDocument = {
  default: {
    scopes: ['cloud-platform', 'storage-ro'],
    audiences: ['https://europe-west1-example.cloudfunctions.net/*'],
  },
  reports: { scopes: ['storage-ro'] },
};

/** As {@link PROFILES}, and one more that mints from a credential of its own. */
export const TWO_CREDENTIALS: ProfilesDocument = {
  ...PROFILES,
  other: { credential: 'other', scopes: ['cloud-platform'], audiences: [FUNCTION_AUDIENCE] },
};

/** By which alias the function is invoked, and how much time it has. */
export type InvocationOptions = { readonly alias?: string; readonly remainingMs?: number };

export type HttpAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, string | number>>;
};

/** The stand-ins and the vendor before them, all real but for their clocks, which `advance` moves together. */
export type VendorRig = {
  readonly google: Google;
  readonly account: ServiceAccount;
  readonly secretsManager: LocalSecretsManager;
  /** Between the vendor and Google. */
  readonly road: FaultProxy;
  readonly vendor: Vendor;
  /** What the vendor recorded; nothing if an audit was given. */
  readonly visits: readonly Visit[];
  readonly warnings: readonly string[];
  readonly googleNow: () => number;
  readonly advance: (ms: number) => void;
  /** Sets how far the vendor's clock is ahead of Google's from here on. */
  readonly skew: (ms: number) => void;
  /** Makes a new key and puts it into the secret of the default credential. */
  readonly putNewKey: () => Promise<KeyFile>;
  /** The key file that the default credential's secret had at the start. */
  readonly firstKey: KeyFile;
  /** A second vendor before the same stand-ins, with nothing warm in it. */
  readonly anotherVendor: (more?: Partial<VendorDependencies>) => Vendor;
  /** `GET /token?query` as an authenticated caller's HTTP API event. */
  readonly get: (query?: string, invocation?: InvocationOptions) => Promise<HttpAnswer>;
  readonly close: () => Promise<void>;
};

export type VendorRigOptions = Pick<GoogleOptions, 'accessTokenSeconds' | 'idTokenSeconds'> & {
  readonly profiles?: ProfilesDocument;
  /** Logs as the deployed function does, on standard output. */
  readonly realAudit?: boolean;
};

export const SECRET = 'google/default';

/** Starts it all; close it when the test is over. */
export async function startVendorRig(options: VendorRigOptions = {}): Promise<VendorRig> {
  const { profiles = PROFILES, realAudit = false, ...lifetimes } = options;
  let aheadMs = 0;
  let skewMs = 0;
  const googleNow = () => Date.now() + aheadMs;
  const now = () => googleNow() + skewMs;

  const google = await startGoogle({ ...lifetimes, now: googleNow });
  const road = await startFaultProxy(google.url);
  google.alsoKnownAs(road.url);
  const secretsManager = await startSecretsManager();
  const throughRoad = (key: KeyFile): KeyFile => ({ ...key, token_uri: `${road.url}/token` });
  const account = google.createServiceAccount();
  const firstKey = throughRoad(await account.createKey());
  const secret = secretsManager.createSecret(SECRET, { string: JSON.stringify(firstKey) });
  const credentials = new Map([['default', { secret }]]);
  if (profiles === TWO_CREDENTIALS) {
    const email = 'other@example-project.iam.gserviceaccount.com';
    const otherKey = throughRoad(await google.createServiceAccount({ email }).createKey());
    const string = JSON.stringify(otherKey);
    credentials.set('other', { secret: secretsManager.createSecret('google/other', { string }) });
  }

  const visits: Visit[] = [];
  const warnings: string[] = [];
  const audit = realAudit
    ? createAudit({ serviceName: 'vendor' })
    : { record: (visit: Visit) => visits.push(visit), warn: (message: string) => warnings.push(message) };
  const network = createNetwork({ now });
  const readSecret = createSecretReader({
    endpoint: secretsManager.url,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local' },
  });
  const anotherVendor: VendorRig['anotherVendor'] = (more = {}) =>
    createVendor({
      profiles: parseProfiles(profiles),
      credentials,
      readSecret,
      audit,
      network,
      now,
      ...more,
    });
  const vendor = anotherVendor();

  return {
    google,
    account,
    secretsManager,
    road,
    vendor,
    visits,
    warnings,
    googleNow,
    advance: (ms) => {
      aheadMs += ms;
    },
    skew: (ms) => {
      skewMs = ms;
    },
    firstKey,
    putNewKey: async () => {
      const key = throughRoad(await account.createKey());
      secretsManager.putSecretValue(SECRET, { string: JSON.stringify(key) });
      return key;
    },
    anotherVendor,
    get: async (query = '', { alias, remainingMs = 29_000 } = {}) =>
      readHttp(await vendor.handler(httpApiEvent({ query }), contextFor(alias, remainingMs))),
    close: async () => {
      network.close();
      await Promise.all([road.close(), google.close(), secretsManager.close()]);
    },
  };
}

/** Returns an HTTP door's answer with its body parsed. */
export function readHttp(answer: unknown): HttpAnswer {
  const { statusCode, headers, body } = answer as {
    statusCode: number;
    headers: Record<string, string>;
    body: string;
  };
  return { status: statusCode, headers, body: JSON.parse(body) };
}

/** Returns what a direct invocation ends with, if it is an error. */
export async function thrownBy(work: Promise<unknown>): Promise<Error | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new TypeError(`what was thrown is no error: ${typeof error}`);
  }
}
