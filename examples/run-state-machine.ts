import { join } from 'node:path';
import type { App, Stack } from 'aws-cdk-lib';
import { type Execution, runStateMachine, type TaskHandler } from '../local/aws/state-machine.ts';
import { resolveValue } from '../local/aws/template-value.ts';
import { ACCOUNT_ID, REGION } from '../local/place.ts';
import type { Here } from './here.ts';

/** Returns the class of a stack. What it takes to synthesize one is loaded by the examples that do. */
type LoadStack = () => Promise<new (app: App, id: string) => Stack>;

type Answer = { readonly message: string };

/** Deployed, each reference is an ARN, or a part of one. */
function arnOf(reference: object): string {
  return 'Ref' in reference && String(reference.Ref).startsWith('AWS::')
    ? 'aws'
    : `arn:aws:states:${REGION}:${ACCOUNT_ID}:here`;
}

/** The definition of the stack's state machine, as the template has it. */
async function definitionOf(loadStack: LoadStack, outdir: string): Promise<object> {
  const [{ App }, { Template }, StackClass] = await Promise.all([
    import('aws-cdk-lib'),
    import('aws-cdk-lib/assertions'),
    loadStack(),
  ]);
  const stack = new StackClass(new App({ outdir, autoSynth: false, analyticsReporting: false }), 'Here');
  const machines = Template.fromStack(stack).findResources('AWS::StepFunctions::StateMachine');
  const [machine] = Object.values(machines as Record<string, { Properties: { DefinitionString: unknown } }>);
  return JSON.parse(String(resolveValue(machine?.Properties.DefinitionString, arnOf)));
}

/** The answer of the service is in the state's result: under `body` by callTask, and under `ResponseBody` by an HTTP task. */
function messageOf({ outcome }: Execution): string {
  if ('error' in outcome) {
    throw outcome.error;
  }
  const { answer } = outcome.value as { answer: { body?: Answer; ResponseBody?: Answer } };
  return (answer.body ?? answer.ResponseBody)?.message ?? '';
}

/** A token, or one of its parts. */
function isIn(history: string, token: string): boolean {
  return [token, ...token.split('.')].some((piece) => history.includes(piece));
}

/**
 * Returns what runs the state machine of a stack: its definition from the template, and for its states what stands in for AWS. It
 * says what came of it, and whether a token is in the history.
 */
export function stateMachine(
  loadStack: LoadStack,
  handlers: Readonly<Record<string, (here: Here) => TaskHandler>>,
): (here: Here) => Promise<number> {
  return async (here) => {
    const tasks = Object.entries(handlers).map(([name, open]) => [name, open(here)] as const);
    const definition = await definitionOf(loadStack, join(here.temporary, 'cdk.out'));

    const execution = await runStateMachine(definition, { name: 'Ada' }, Object.fromEntries(tasks));

    const inHistory = here.tokens.filter((token) => isIn(execution.history, token));
    process.stdout.write(
      `${execution.events.map(({ type }) => type).join(' > ')}\n${messageOf(execution)}\n` +
        `tokens vended: ${here.tokens.length}, in the history: ${inHistory.length}\n`,
    );
    return inHistory.length === 0 ? 0 : 1;
  };
}
