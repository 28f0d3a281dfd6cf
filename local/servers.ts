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

/** Returns an empty set of servers that begins at `firstPort`; 0 is for any ports that are free. */
export function createServers(firstPort: number): Servers {
  const open: Closable[] = [];

  return {
    start: async (step, start) => {
      const port = firstPort === 0 ? 0 : firstPort + step;
      try {
        const server = await start(port);
        open.push(server);
        return server;
      } catch (cause) {
        if (cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE') {
          throw new UsageError(
            `Port ${port} is in use; choose others with --port N (the stand-ins use N+1 and N+2).`,
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
