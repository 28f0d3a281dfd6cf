import type { Handler } from '../lambda/handler.ts';
import { createNetwork } from '../lambda/post.ts';
import { parseProfiles } from '../lambda/profiles.ts';
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
  readonly ask: (event: object) => Promise<Readonly<Record<string, unknown>>>;
  /** Returns the error that a direct invocation ends with. */
  readonly refused: (event: object) => Promise<string>;
  /** How often the secret was read. */
  readonly reads: () => number;
  /** Puts another document into the secret. */
  readonly put: (document: object) => void;
  readonly close: () => void;
};

/** Returns the whole vendor over a real network, with one secret that holds `document`. */
export function vendorOf(document: object, now: () => number = Date.now): VendorOfDocument {
  let current = { text: JSON.stringify(document), versionId: '1' };
  let reads = 0;
  const network = createNetwork({ now });
  const { handler } = createVendor({
    profiles: parseProfiles(PROFILES),
    credentials: new Map([['default', { secret: 'the-secret' }]]),
    readSecret: async () => {
      reads += 1;
      return current;
    },
    audit: { record: () => {}, warn: () => {} },
    network,
    now,
  });
  const invoke = (event: object) => handler(event, contextFor('default'));

  return {
    handler,
    ask: async (event) => (await invoke(event)) as Readonly<Record<string, unknown>>,
    refused: async (event) => {
      const error = await thrownBy(invoke(event));
      return `${error?.name}: ${error?.message}`;
    },
    reads: () => reads,
    put: (next) => {
      current = { text: JSON.stringify(next), versionId: String(Number(current.versionId) + 1) };
    },
    close: network.close,
  };
}
