import { once } from 'node:events';
import { createServer } from 'node:net';
import { UsageError } from '../infra/usage-error.ts';

type Closable = { readonly close: () => unknown };

/** Servers on a run of ports, which end together. */
export type Servers = {
  /** Starts a server on the first port plus `step`. @throws {UsageError} if that port is taken */
  readonly start: <Server extends Closable>(
    step: number,
    start: (port: number) => Promise<Server>,
  ) => Promise<Server>;
  /** Lets something else end with them. */
  readonly keep: (closable: Closable) => void;
  readonly close: () => Promise<void>;
};

function isInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

async function isTaken(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    await new Promise((resolve) => server.close(resolve));
    return false;
  } catch (error) {
    return isInUse(error);
  }
}

/** Returns an empty set of servers that begins at `firstPort`; 0 is for any ports that are free. */
export function createServers(firstPort: number): Servers {
  const open: Closable[] = [];
  const held = new Set<number>();

  /** Who moves to the port that is named should not find the next one in use; they are not started in order. */
  const lowestTaken = async (step: number): Promise<number> => {
    for (const lower of Array.from({ length: step }, (_, index) => index)) {
      if (!held.has(lower) && (await isTaken(firstPort + lower))) {
        return lower;
      }
    }
    return step;
  };

  return {
    start: async (step, start) => {
      const port = firstPort === 0 ? 0 : firstPort + step;
      try {
        const server = await start(port);
        open.push(server);
        held.add(step);
        return server;
      } catch (cause) {
        if (isInUse(cause)) {
          const lowest = await lowestTaken(step);
          throw new UsageError(
            `Port ${firstPort + lowest} is in use; choose others with --port N (the stand-ins use N+1 and N+2).`,
            { cause },
          );
        }
        throw cause;
      }
    },
    keep: (closable) => {
      open.push(closable);
    },
    close: async () => {
      await Promise.all(open.map((server) => server.close()));
    },
  };
}
