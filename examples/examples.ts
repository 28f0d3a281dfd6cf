import { FUNCTION_NAME } from '../local/place.ts';
import type { Here } from './here.ts';
import { callTask } from './run-call-task.ts';
import { command } from './run-command.ts';
import { httpTask } from './run-http-task.ts';
import { stateMachine } from './run-state-machine.ts';

/** An example, as `npm run example -- NAME` runs it. */
export type Example = {
  readonly shows: string;
  /** Its folder, with the profiles in it. */
  readonly folder: string;
  readonly needsPython?: boolean;
  /** Runs it, with what it says on standard output, and returns its exit status. @throws {UsageError} */
  readonly run: (here: Here) => Promise<number>;
};

function computeEnvironment({ vendor, google }: Here) {
  return {
    GCP_TOKEN_URL: vendor.url,
    GCP_TOKEN_PROFILE: 'inventory',
    COMPUTE_URL: `${google.url}/compute/v1`,
  };
}

/** The examples by name. */
export const EXAMPLES: Readonly<Record<string, Example>> = {
  compute: {
    shows: 'lists Compute Engine instances with Google’s own library for Node.js',
    folder: 'compute',
    run: command(['node', 'main.ts'], computeEnvironment),
  },
  'compute-shell': {
    shows: 'the same from a shell, without any library',
    folder: 'compute',
    run: command(['bash', 'list.sh'], computeEnvironment),
  },
  lambda: {
    shows: 'a Lambda function calls a private Cloud Function',
    folder: 'lambda',
    run: command(['node', 'invoke.ts'], ({ vendor, google }) => ({
      AWS_ENDPOINT_URL_LAMBDA: vendor.url,
      GCP_TOKEN_FUNCTION: FUNCTION_NAME,
      GCP_TOKEN_PROFILE: 'hello',
      FUNCTION_URL: google.functionUrl,
      FUNCTION_AUDIENCE: google.functionAudience,
    })),
  },
  'python-ecs': {
    shows: 'a Python program with Google’s unchanged library, on ECS',
    folder: 'python-ecs',
    needsPython: true,
    run: command(['gcp-token', 'exec', '--', 'python3', 'main.py'], ({ vendor, google }) => ({
      GCP_TOKEN_URL: vendor.url,
      GCP_TOKEN_PROFILE: 'reports',
      STORAGE_EMULATOR_HOST: google.url,
    })),
  },
  'call-task': {
    shows: 'a state machine calls a private Cloud Function, in one state',
    folder: 'call-task',
    run: stateMachine(async () => (await import('./call-task/stack.ts')).CallTaskStack, {
      Hello: callTask('hello'),
    }),
  },
  connection: {
    shows: 'the same over an EventBridge connection',
    folder: 'connection',
    run: stateMachine(async () => (await import('./connection/stack.ts')).ConnectionStack, {
      Hello: httpTask,
    }),
  },
};
