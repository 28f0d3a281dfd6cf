import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  type Chain,
  DefinitionBody,
  Pass,
  StateMachine,
  type StateMachineProps,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { CallTaskProps } from '../infra/call-task.ts';
import type { ProfilesDocument } from '../lambda/policy/profiles.ts';
import { createVendorStack } from './infra-rig.ts';
import { CALL_PROFILES } from './make-caller.ts';

export type MachineOptions = {
  readonly machine?: Partial<StateMachineProps>;
  /** @default default */
  readonly profile?: string;
  /** A profile that makes a call too. */
  readonly alsoBy?: string;
  readonly logRetention?: RetentionDays;
  /** Whether errors lead to a state that is given them. */
  readonly catches?: boolean;
};

type State = Readonly<Record<string, unknown>> & {
  readonly Retry: readonly Readonly<Record<string, unknown>>[];
};
type Definition = { readonly StartAt: string; readonly States: Readonly<Record<string, State>> };

const PROFILES: ProfilesDocument = {
  ...CALL_PROFILES,
  other: { audiences: ['https://reports-abc123-ew.a.run.app'] },
  reports: { scopes: ['storage-ro'] },
};

/** Returns a state machine of calls, one after the other (`Call1`, `Call2`, …), and its definition as the template has it. */
export function createCallMachine(calls: readonly CallTaskProps[], options: MachineOptions = {}) {
  const { machine = {}, profile = 'default', alsoBy, logRetention, catches = false } = options;
  const rig = createVendorStack(() => ({
    api: false,
    profiles: PROFILES,
    ...(logRetention !== undefined && { logRetention }),
  }));
  const tasks = calls.map((props, index) =>
    rig.vendor.profile(profile).callTask(rig.stack, `Call${index + 1}`, props),
  );
  if (alsoBy !== undefined) {
    tasks.push(
      rig.vendor.profile(alsoBy).callTask(rig.stack, 'Other', { url: 'https://reports-abc123-ew.a.run.app' }),
    );
  }
  const caught = new Pass(rig.stack, 'Caught');
  const [first, ...others] = tasks;
  if (first === undefined) {
    throw new Error('there is no call');
  }
  if (catches) {
    for (const task of tasks) {
      task.addCatch(caught, { resultPath: '$.error' });
    }
  }
  const chain = others.reduce<Chain>(
    (made, task) => made.next(task),
    first.next(new Pass(rig.stack, 'Between')),
  );
  new StateMachine(rig.stack, 'Machine', { definitionBody: DefinitionBody.fromChainable(chain), ...machine });

  const [{ DefinitionString } = { DefinitionString: undefined }] = rig.properties(
    'AWS::StepFunctions::StateMachine',
  );
  const parts = (DefinitionString as { 'Fn::Join': readonly [string, readonly unknown[]] })['Fn::Join'][1];
  const text = parts
    .map((part) =>
      typeof part === 'string' ? part : 'arn:aws:lambda:eu-west-1:111111111111:function:caller',
    )
    .join('');
  const idOf = (type: string, part: string) =>
    Object.keys(rig.resources(type)).find((id) => id.includes(part)) ?? '';
  const callerId = idOf('AWS::Lambda::Function', 'Calldefault');
  return {
    ...rig,
    definition: JSON.parse(text) as Definition,
    callerId,
    caller: rig.resources('AWS::Lambda::Function')[callerId]?.Properties,
    callerLog: idOf('AWS::Logs::LogGroup', 'Calldefault'),
    alias: idOf('AWS::Lambda::Alias', 'Profiledefault'),
  };
}
