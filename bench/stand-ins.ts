import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Where the stand-ins are, and what whoever talks to them must know. */
export type StandInsReady = {
  /** PEM; to be trusted by the measured processes. */
  readonly certificate: string;
  /** A service account's key file, which is also the value of the secret. */
  readonly keyDocument: string;
  readonly secretId: string;
  /** A document of federation, and the AWS credentials of the role that it admits, as environment variables. */
  readonly federation: { readonly document: string; readonly keys: Readonly<Record<string, string>> };
  /** Secrets Manager, next door. */
  readonly secretsUrl: string;
  /** Secrets Manager at the distance at which a Lambda sees it. */
  readonly distantSecretsPort: number;
  /** Google at the distance at which a Lambda sees it: strict, and 80 ms slow. */
  readonly distantGooglePort: number;
  /** A token endpoint that answers everything at once. */
  readonly instantStubPort: number;
  /** A token endpoint that answers everything in 100 ms, and counts. */
  readonly slowStubPort: number;
};

export type StandInsReply = { readonly ready: StandInsReady } | { readonly exchanges: number };

export type StandIns = StandInsReady & {
  /** Returns how many requests the slow stub has answered so far. */
  readonly exchanges: () => Promise<number>;
  readonly close: () => Promise<void>;
};

const START_TIMEOUT_MS = 20_000;

async function receive(child: ChildProcess): Promise<StandInsReply> {
  const signal = AbortSignal.timeout(START_TIMEOUT_MS);
  const exited = once(child, 'exit', { signal }).then(() => {
    throw new Error('The stand-ins ended');
  });
  // Whichever of the two loses is abandoned, and fails when the time is over.
  exited.catch(() => {});
  const received = once(child, 'message', { signal });
  received.catch(() => {});
  const [message] = await Promise.race([received, exited]);
  return message as StandInsReply;
}

/** Starts the stand-ins in a process of their own. */
export async function startStandIns(): Promise<StandIns> {
  const child = fork(join(import.meta.dirname, 'stand-ins-process.ts'), {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const first = await receive(child);
  if (!('ready' in first)) {
    throw new Error('The stand-ins did not say where they are');
  }
  return {
    ...first.ready,
    exchanges: async () => {
      child.send('exchanges');
      const answer = await receive(child);
      return 'exchanges' in answer ? answer.exchanges : Number.NaN;
    },
    close: async () => {
      if (child.exitCode === null && child.connected) {
        const exited = once(child, 'exit');
        child.disconnect();
        await exited;
      }
    },
  };
}
