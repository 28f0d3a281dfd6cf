import { StateMachine } from 'aws-local-stepfunctions';

/** Does what the task states of a name do. */
export type TaskHandler = (input: never) => Promise<unknown>;

export type ExecutionEvent = Readonly<Record<string, unknown>> & { readonly type: string };

/** How an execution ended, and all that is known of it. */
export type Execution = {
  readonly outcome: { readonly value: unknown } | { readonly error: Error };
  readonly events: readonly ExecutionEvent[];
  /** The events and the end in one text, with all that is in an error: whatever a history could hold. */
  readonly history: string;
};

const IMMEDIATELY: number[] = Array(10).fill(0);

function showErrors(_key: string, value: unknown): unknown {
  return value instanceof Error
    ? { ...value, name: value.name, message: value.message, stack: value.stack, cause: value.cause }
    : value;
}

/**
 * Runs the definition of a state machine (JSONPath), with a handler for each of its task states by their names. What is tried again is
 * tried at once.
 *
 * @see https://states-language.net/spec.html
 */
export async function runStateMachine(
  definition: object,
  input: unknown,
  handlers: Readonly<Record<string, TaskHandler>>,
): Promise<Execution> {
  const execution = new StateMachine(definition as never).run(input as never, {
    overrides: {
      taskResourceLocalHandlers: handlers as never,
      retryIntervalOverrides: Object.fromEntries(Object.keys(handlers).map((name) => [name, IMMEDIATELY])),
    },
  });
  const ended = execution.result.then(
    (value: unknown) => ({ value }),
    (error: unknown) => ({ error: error as Error }),
  );
  const events: ExecutionEvent[] = [];
  for await (const event of execution.eventLogs) {
    events.push(event as unknown as ExecutionEvent);
  }
  const outcome = await ended;
  return { outcome, events, history: JSON.stringify([events, outcome], showErrors) };
}
