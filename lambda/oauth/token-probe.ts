import type { Post } from '../google/post.ts';
import { type Sleep, sleepFor } from '../sleep.ts';
import type { ClientSecretDocument } from './registration.ts';

/**
 * Asks for a token as a client does, and returns when it got one.
 *
 * @throws {Error} with the status of the last answer, and nothing else of it
 */
export type ProbeToken = (client: ClientSecretDocument) => Promise<void>;

const ATTEMPTS = 4;
/** A container that has looked into the registry moments ago, for a wrong secret, does not look again at once. */
const PAUSE_MS = 3_000;
const TIMEOUT_MS = 10_000;

/** Returns the probe of the endpoint at `tokenUrl`. */
export function createTokenProbe(dependencies: {
  readonly tokenUrl: string;
  readonly post: Post;
  readonly sleep?: Sleep;
}): ProbeToken {
  const { tokenUrl, post, sleep = sleepFor } = dependencies;

  const ask = async ({ client_id, client_secret }: ClientSecretDocument): Promise<number | string> => {
    const form = { grant_type: 'client_credentials', client_id, client_secret };
    try {
      return (await post(new URL(tokenUrl), form, TIMEOUT_MS)).status;
    } catch (error) {
      return error instanceof Error ? error.name : 'no answer';
    }
  };

  return async (client) => {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await ask(client);
      if (answer === 200) {
        return;
      }
      if (attempt === ATTEMPTS) {
        throw new Error(`The token endpoint gave no token for the new secret (${answer}).`);
      }
      await sleep(PAUSE_MS);
    }
  };
}
