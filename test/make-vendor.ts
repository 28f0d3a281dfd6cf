import { type Aws, awsOfEnvironment } from '../lambda/aws/aws-environment.ts';
import { createNetwork, type Network } from '../lambda/google/post.ts';
import type { Handler } from '../lambda/handler.ts';
import { type ProfilesDocument, parseProfiles } from '../lambda/policy/profiles.ts';
import { createVendor } from '../lambda/vendor.ts';
import { contextFor } from './make-event.ts';
import { thrownBy } from './vendor-rig.ts';

const PROFILES = {
  default: {
    scopes: ['cloud-platform', 'storage-ro', 'userinfo-email'],
    audiences: ['https://europe-west1-example.cloudfunctions.net/*'],
  },
};

export type VendorOfDocument = {
  readonly handler: Handler;
  /** Returns what a direct invocation answers. */
  readonly ask: (event: object, profile?: string) => Promise<Readonly<Record<string, unknown>>>;
  /** Returns the error that a direct invocation ends with. */
  readonly refused: (event: object, profile?: string) => Promise<string>;
  /** How often the secret was read. */
  readonly reads: () => number;
  /** Puts another document into the secret. */
  readonly put: (document: object) => void;
  readonly close: () => void;
};

export type VendorOfDocumentOptions = {
  readonly now?: () => number;
  readonly profiles?: ProfilesDocument;
  /** @default - none */
  readonly aws?: Aws;
  /** @default - a network of its own */
  readonly network?: Network;
};

/** Returns the whole vendor over a real network, with one secret that holds `document`. */
export function vendorOf(document: object, options: VendorOfDocumentOptions = {}): VendorOfDocument {
  const { now = Date.now, profiles = PROFILES, aws = awsOfEnvironment({}) } = options;
  let current = { text: JSON.stringify(document), versionId: '1' };
  let reads = 0;
  const network = options.network ?? createNetwork({ now });
  const { handler } = createVendor({
    profiles: parseProfiles(profiles),
    credentials: new Map([['default', { secret: 'the-secret' }]]),
    readSecret: async () => {
      reads += 1;
      return current;
    },
    audit: { record: () => {}, warn: () => {} },
    network,
    aws,
    now,
  });
  const invoke = (event: object, profile = 'default') => handler(event, contextFor(profile));

  return {
    handler,
    ask: async (event, profile) => (await invoke(event, profile)) as Readonly<Record<string, unknown>>,
    refused: async (event, profile) => {
      const error = await thrownBy(invoke(event, profile));
      return `${error?.name}: ${error?.message}`;
    },
    reads: () => reads,
    put: (next) => {
      current = { text: JSON.stringify(next), versionId: String(Number(current.versionId) + 1) };
    },
    close: network.close,
  };
}
