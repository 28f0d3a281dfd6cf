import { randomBytes } from 'node:crypto';
import { createAwsJson } from '../lambda/aws/aws-json.ts';
import { createInvokeFunction } from '../lambda/aws/invoke-function.ts';
import { createSecretVersions, type SecretVersions } from '../lambda/aws/secret-versions.ts';
import { createClock } from '../lambda/google/clock.ts';
import { createNetwork } from '../lambda/google/post.ts';
import type { Handler } from '../lambda/handler.ts';
import { createClientAuthentication } from '../lambda/oauth/authenticate-client.ts';
import { createClientRegistries } from '../lambda/oauth/client-registries.ts';
import type { CompareDigests } from '../lambda/oauth/client-secret.ts';
import { createConnectionUpdate } from '../lambda/oauth/connection-secret.ts';
import { createOAuthAudit } from '../lambda/oauth/oauth-audit.ts';
import type { ClientGrant, OAuthClient } from '../lambda/oauth/oauth-clients.ts';
import { createOAuthHandler } from '../lambda/oauth/oauth-handler.ts';
import { registerClient } from '../lambda/oauth/registration.ts';
import { createRotation } from '../lambda/oauth/rotation.ts';
import { createTokenProbe } from '../lambda/oauth/token-probe.ts';
import { createVendToClient } from '../lambda/oauth/vend-to-client.ts';
import { type LocalEventBridge, startEventBridge } from '../local/aws/event-bridge.ts';
import { startAws } from '../local/aws/front.ts';
import { FUNCTION_AUDIENCE } from '../local/google/server.ts';
import { ACCOUNT, REGION, USER } from './local-aws-rig.ts';
import { CLOUD_PLATFORM, startVendorRig, type VendorRig } from './vendor-rig.ts';

export const STORAGE = 'https://www.googleapis.com/auth/devstorage.read_only';

/** The clients of the rig, and what each is bound to. */
export const CLIENTS = {
  caller: { profile: 'default', grant: { audience: FUNCTION_AUDIENCE } },
  reader: { profile: 'default', grant: { scopes: [CLOUD_PLATFORM, STORAGE] } },
  reports: { profile: 'reports', grant: { scopes: [STORAGE] } },
} as const satisfies Record<string, { profile: string; grant: ClientGrant }>;

/** What each client is bound to, by its id. */
export type RigClients = Readonly<Record<string, { readonly profile: string; readonly grant: ClientGrant }>>;

export type OAuthReply = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
};

/** `POST /oauth/token` before the whole vendor, with stand-ins for AWS and Google; its clocks move together. */
export type OAuthRig = {
  readonly vendor: VendorRig;
  readonly eventBridge: LocalEventBridge;
  readonly secrets: SecretVersions;
  readonly tokenUrl: string;
  /** The function itself, as Lambda would call it. */
  readonly handler: Handler;
  readonly lines: readonly string[];
  /** How many digests were compared. */
  readonly compared: () => number;
  /** The ARN of a client's secret. */
  readonly secretArn: (name: string) => string;
  /** What a client shows: its current secret, or that of another stage. */
  readonly secretOf: (name: string, stage?: string) => string;
  readonly setRegistry: (name: string, text: string) => void;
  readonly registryOf: (name: string) => string | undefined;
  readonly rotation: (event: unknown) => Promise<void>;
  /** Rotates the secret of a client, all four steps. */
  readonly rotate: (name: string) => Promise<void>;
  readonly post: (
    body: string,
    headers?: Readonly<Record<string, string>>,
    query?: string,
  ) => Promise<OAuthReply>;
  /** Asks as a client does, by the form. */
  readonly ask: (
    clientId: string,
    secret: string,
    more?: Readonly<Record<string, string>>,
  ) => Promise<OAuthReply>;
  readonly close: () => Promise<void>;
};

const FUNCTION = 'vendor';
export const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

export function basic(clientId: string, secret: string): string {
  return `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`;
}

async function readReply(response: Response): Promise<OAuthReply> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
}

/** Starts it all, with every client registered; close it when the test is over. */
export async function startOAuthRig(given: RigClients = CLIENTS): Promise<OAuthRig> {
  const vendor = await startVendorRig();
  const eventBridge = await startEventBridge();
  const { secretsManager } = vendor;
  const network = createNetwork({ now: vendor.googleNow });
  const clock = createClock({ now: vendor.googleNow });
  const aws = {
    region: async () => REGION,
    credentials: async () => ({ ...USER }),
  };
  const call = createAwsJson({
    aws,
    post: network.post,
    clock,
    urls: { secretsmanager: secretsManager.url, events: eventBridge.url },
    sleep: async () => {},
  });
  const secrets = createSecretVersions(call);

  const clients = new Map<string, OAuthClient>();
  const arns = new Map<string, string>();
  for (const [name, { profile, grant }] of Object.entries(given)) {
    const registry = secretsManager.createEmptySecret(`registry/${name}`);
    const string = JSON.stringify({ client_id: name, client_secret: randomBytes(32).toString('hex') });
    arns.set(name, secretsManager.createSecret(`client/${name}`, { string }));
    secretsManager.tagSecret(`client/${name}`, { 'gcp-token-vendor:registry': registry });
    clients.set(name, { id: name, profile, grant, registry });
  }
  const secretArn = (name: string) => arns.get(name) ?? '';
  for (const name of Object.keys(given)) {
    await registerClient(secrets, secretArn(name));
  }

  let compared = 0;
  const compare: CompareDigests = (left, right) => {
    compared += 1;
    return Buffer.compare(left, right) === 0;
  };
  const lines: string[] = [];
  // The local Lambda API has its address only once it listens.
  let lambdaUrl = '';
  const handler = createOAuthHandler({
    clients,
    authenticate: createClientAuthentication({
      clients,
      registries: createClientRegistries({ secrets, clock }),
      compare,
    }),
    vend: createVendToClient(FUNCTION, (target, payload, deadlineMs) =>
      createInvokeFunction({ aws, post: network.post, clock, url: lambdaUrl })(target, payload, deadlineMs),
    ),
    clock,
    audit: createOAuthAudit({ serviceName: 'oauth', write: (line) => lines.push(line) }),
  });
  const front = await startAws({
    port: 0,
    handler: vendor.vendor.handler,
    oauth: handler,
    profiles: ['default', 'reports'],
    functionName: FUNCTION,
    region: REGION,
    accountId: ACCOUNT,
    credentials: [USER],
    requireSignature: true,
    timeoutMs: 29_000,
    now: vendor.googleNow,
  });
  lambdaUrl = front.url;
  const tokenUrl = `${front.url}/oauth/token`;
  const rotation = createRotation({
    secrets,
    updateConnection: createConnectionUpdate(tokenUrl, call),
    probe: createTokenProbe({
      tokenUrl,
      post: network.post,
      // A warm container looks again after five seconds.
      sleep: async (ms) => vendor.advance(ms),
    }),
  });

  const post: OAuthRig['post'] = async (body, headers = FORM, query = '') =>
    readReply(await fetch(tokenUrl + query, { method: 'POST', headers, body }));

  return {
    vendor,
    eventBridge,
    secrets,
    tokenUrl,
    handler,
    lines,
    compared: () => compared,
    secretArn,
    secretOf: (name, stage = 'AWSCURRENT') =>
      JSON.parse(secretsManager.textOf(`client/${name}`, stage) ?? '{}').client_secret,
    setRegistry: (name, string) => {
      secretsManager.putSecretValue(`registry/${name}`, { string });
    },
    registryOf: (name) => secretsManager.textOf(`registry/${name}`),
    rotation,
    rotate: async (name) => {
      const ClientRequestToken = secretsManager.beginRotation(`client/${name}`);
      for (const Step of ['createSecret', 'setSecret', 'testSecret', 'finishSecret']) {
        await rotation({ Step, SecretId: secretArn(name), ClientRequestToken });
      }
    },
    post,
    ask: (client_id, client_secret, more = {}) =>
      post(
        new URLSearchParams({
          grant_type: 'client_credentials',
          client_id,
          client_secret,
          ...more,
        }).toString(),
      ),
    close: async () => {
      network.close();
      await Promise.all([front.close(), eventBridge.close()]);
      await vendor.close();
    },
  };
}
