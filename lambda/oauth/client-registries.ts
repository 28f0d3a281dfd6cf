import type { SecretVersions } from '../aws/secret-versions.ts';
import { VendError } from '../errors.ts';
import type { Clock } from '../google/clock.ts';
import type { OAuthClient } from './oauth-clients.ts';
import { parseRegistry } from './registry-document.ts';

/** The digests of a client's secrets, as far as they are known here. */
export type ClientRegistries = {
  /** @throws {VendError} `credential_unavailable` or `credential_invalid` */
  readonly current: (client: OAuthClient) => Promise<readonly string[]>;
  /**
   * Reads them again, because a secret did not fit, or returns `undefined` where that was done moments ago.
   *
   * @throws {VendError} `credential_unavailable` or `credential_invalid`
   */
  readonly reread: (client: OAuthClient) => Promise<readonly string[] | undefined>;
};

/** For so long a secret that was rotated out, or a client that was deleted, may still be taken by a warm container. */
const FRESH_MS = 60_000;
/** While Secrets Manager is away, what was read last is good for so long. */
const USABLE_MS = 15 * 60_000;
/** A guesser causes one request to Secrets Manager in this time for a client, whatever he sends. */
const REREAD_MS = 5_000;

type Known = { readonly digests: readonly string[]; readonly readAtMs: number };
type Failed = { readonly error: unknown; readonly failedAtMs: number };

/** Returns the registries, read from Secrets Manager and kept for a short time. */
export function createClientRegistries(dependencies: {
  readonly secrets: Pick<SecretVersions, 'read'>;
  readonly clock: Clock;
}): ClientRegistries {
  const { secrets, clock } = dependencies;
  const known = new Map<string, Known>();
  const failed = new Map<string, Failed>();
  const reading = new Map<string, Promise<readonly string[]>>();
  const rereadAtMs = new Map<string, number>();

  const fetch = async ({ id, registry }: OAuthClient): Promise<readonly string[]> => {
    const text = await secrets.read(registry, { stage: 'AWSCURRENT' }).catch((cause: unknown) => {
      throw new VendError('credential_unavailable', 'The registry of a client cannot be read.', { cause });
    });
    try {
      return parseRegistry(text ?? '', id).secrets.map(({ sha256 }) => sha256);
    } catch (cause) {
      throw new VendError('credential_invalid', 'The registry of a client cannot be used.', { cause });
    }
  };

  const remember = async (client: OAuthClient): Promise<readonly string[]> => {
    try {
      const digests = await fetch(client);
      known.set(client.id, { digests, readAtMs: clock.systemMs() });
      failed.delete(client.id);
      return digests;
    } catch (error) {
      failed.set(client.id, { error, failedAtMs: clock.systemMs() });
      throw error;
    } finally {
      reading.delete(client.id);
    }
  };

  const read = (client: OAuthClient): Promise<readonly string[]> => {
    const failure = failed.get(client.id);
    if (failure !== undefined && clock.systemMs() - failure.failedAtMs < REREAD_MS) {
      return Promise.reject(failure.error);
    }
    const underWay = reading.get(client.id) ?? remember(client);
    reading.set(client.id, underWay);
    return underWay;
  };

  return {
    current: async (client) => {
      const last = known.get(client.id);
      const ageMs = clock.systemMs() - (last?.readAtMs ?? Number.NEGATIVE_INFINITY);
      if (last !== undefined && ageMs < FRESH_MS) {
        return last.digests;
      }
      return await read(client).catch((error: unknown) => {
        const isAway = error instanceof VendError && error.code === 'credential_unavailable';
        if (last !== undefined && isAway && ageMs < USABLE_MS) {
          return last.digests;
        }
        throw error;
      });
    },
    reread: async (client) => {
      const nowMs = clock.systemMs();
      if (nowMs - (rereadAtMs.get(client.id) ?? Number.NEGATIVE_INFINITY) < REREAD_MS) {
        return undefined;
      }
      rereadAtMs.set(client.id, nowMs);
      return await read(client);
    },
  };
}
