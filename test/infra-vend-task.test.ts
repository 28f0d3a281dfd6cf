import aslValidator from 'asl-validator';
import { Duration } from 'aws-cdk-lib';
import {
  DefinitionBody,
  JsonPath,
  Pass,
  QueryLanguage,
  StateMachine,
  type StateMachineProps,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { StateMachine as LocalStateMachine } from 'aws-local-stepfunctions';
import { expect, test } from 'vitest';
import { UsageError } from '../infra/usage-error.ts';
import type { VendTaskProps } from '../infra/vend-task.ts';
import { ERRORS, type ErrorCode, VendError } from '../lambda/errors.ts';
import { createVendorStack, PROFILES } from './infra-rig.ts';
import { contextFor } from './make-event.ts';
import { startVendorRig } from './vendor-rig.ts';

const AUDIENCE = 'https://europe-west1-example.cloudfunctions.net/hello';
const ALIAS_ARN = 'arn:aws:lambda:eu-west-1:111111111111:function:vendor:default';
/** A profile that acts for users, and whose callers choose a lifetime. */
const PEOPLE = { scopes: ['cloud-platform'], subjects: ['alice@example.com'], maxLifetime: 7_200 };

type State = Readonly<Record<string, unknown>> & {
  readonly Retry: readonly Readonly<Record<string, unknown>>[];
};
type Definition = { readonly StartAt: string; readonly States: Readonly<Record<string, State>> };

/** A state machine with one task of the vendor's, and its definition with the alias's ARN put in. */
function createMachine(
  props: VendTaskProps,
  machine: Partial<StateMachineProps> = {},
  catches = false,
  profile = 'default',
) {
  const rig = createVendorStack(() => ({ api: false, profiles: { ...PROFILES, people: PEOPLE } }));
  const task = rig.vendor.profile(profile).vendTask(rig.stack, 'Vend', props);
  if (catches) {
    task.addCatch(new Pass(rig.stack, 'Recovered'), { errors: ['GoogleUnavailable'], resultPath: '$.error' });
    task.addCatch(new Pass(rig.stack, 'Denied'), { errors: ['AccessDenied'], resultPath: '$.error' });
  }
  new StateMachine(rig.stack, 'Machine', { definitionBody: DefinitionBody.fromChainable(task), ...machine });
  const [{ DefinitionString } = { DefinitionString: undefined }] = rig.properties(
    'AWS::StepFunctions::StateMachine',
  );
  const parts = (DefinitionString as { 'Fn::Join': readonly [string, readonly unknown[]] })['Fn::Join'][1];
  const text = parts.map((part) => (typeof part === 'string' ? part : ALIAS_ARN)).join('');
  return { ...rig, definition: JSON.parse(text) as Definition };
}

test('a task invokes the alias itself and its result is the payload', () => {
  const { definition } = createMachine({ audience: AUDIENCE, resultPath: '$.google' });

  expect(definition.States.Vend).toMatchObject({
    Type: 'Task',
    Resource: ALIAS_ARN,
    Parameters: { audience: AUDIENCE },
    ResultPath: '$.google',
  });
});

test('a task tries again on exactly the errors that another try helps, with backoff and full jitter', () => {
  const { definition } = createMachine({ audience: AUDIENCE });

  const retryable = Object.values(ERRORS).filter(({ retryable }) => retryable);

  expect(definition.States.Vend?.Retry).toEqual([
    {
      ErrorEquals: [
        ...retryable.map(({ thrownAs }) => thrownAs),
        'Lambda.AWSLambdaException',
        'Lambda.ClientExecutionTimeoutException',
        'Lambda.SdkClientException',
        'Lambda.ServiceException',
        'Lambda.TooManyRequestsException',
      ],
      IntervalSeconds: 1,
      MaxAttempts: 4,
      BackoffRate: 2,
      MaxDelaySeconds: 20,
      JitterStrategy: 'FULL',
    },
  ]);
  expect(retryable.map(({ thrownAs }) => thrownAs).sort()).toEqual([
    'CredentialUnavailable',
    'GoogleUnavailable',
    'Timeout',
  ]);
});

test.each<[string, VendTaskProps, object]>([
  ['a list of scopes', { scopes: ['cloud-platform'] }, { scopes: ['cloud-platform'] }],
  ['scopes in one string', { scopes: 'cloud-platform' }, { scopes: 'cloud-platform' }],
  ['nothing, for all the scopes', {}, {}],
  ['an audience known at run time', { audience: JsonPath.stringAt('$.a') }, { 'audience.$': '$.a' }],
  ['scopes known at run time', { scopes: JsonPath.listAt('$.s') }, { 'scopes.$': '$.s' }],
])('a task can ask for %s', (_, props, parameters) => {
  const { definition } = createMachine(props);

  expect(definition.States.Vend?.Parameters).toEqual(parameters);
});

test('a task can be written in JSONata', () => {
  const { definition } = createMachine(
    { audience: '{% $states.input.audience %}', queryLanguage: QueryLanguage.JSONATA },
    { queryLanguage: QueryLanguage.JSONATA },
  );

  expect(definition.States.Vend).toMatchObject({ Arguments: { audience: '{% $states.input.audience %}' } });
});

test.each<[string, VendTaskProps, string]>([
  [
    'an audience',
    { audience: 'https://evil.example.com' },
    'does not allow the audience "https://evil.example.com"',
  ],
  [
    'a scope',
    { scopes: ['cloud-platform', 'storage-rw'] },
    'does not allow https://www.googleapis.com/auth/devstorage.read_write; it allows',
  ],
  [
    'a scope beside one that is known at run time',
    { scopes: ['{% $scope %}', 'storage-rw'], queryLanguage: QueryLanguage.JSONATA },
    'does not allow https://www.googleapis.com/auth/devstorage.read_write; it allows',
  ],
  ['what is no scope', { scopes: 'storage' }, 'scopes: "storage" is neither a scope'],
  ['no scope at all', { scopes: [] }, 'scopes: there must be 1 to 100'],
  ['an empty audience', { audience: '' }, 'audience: "" is neither'],
  ['a subject', { subject: 'alice@example.com' }, 'The profile default acts for no user'],
  ['a subject at run time', { subject: JsonPath.stringAt('$.u') }, 'The profile default acts for no user'],
  ['a lifetime', { lifetime: 900 }, 'The profile default has no maxLifetime'],
  [
    'a lifetime at run time',
    { lifetime: JsonPath.numberAt('$.l') },
    'The profile default has no maxLifetime',
  ],
])('refuses at synth %s that the profile does not allow', (_, props, message) => {
  expect(() => createMachine(props)).toThrow(message);
});

test.each<[string, VendTaskProps, string]>([
  ['a user', { subject: 'bob@example.com' }, 'does not allow the subject "bob@example.com"'],
  ['what is no user', { subject: 'Alice' }, 'subject: "Alice" is not the e-mail address of a user'],
  [
    'a longer lifetime',
    { lifetime: 7_201 },
    'allows a lifetime of 7200 seconds at the most, and not of 7201',
  ],
  ['what is no lifetime', { lifetime: 1 }, 'lifetime: 1 is not a whole number of seconds from 600 to 43200'],
  [
    'another lifetime than an hour for a user',
    { subject: 'alice@example.com', lifetime: 900 },
    'a token for a user always lives for 3600 seconds',
  ],
  [
    'an ID token at run time',
    { audience: JsonPath.stringAt('$.a') },
    'The profile people vends no ID tokens',
  ],
])('refuses at synth %s that a profile with bounds does not allow', (_, props, message) => {
  expect(() => createMachine(props, {}, false, 'people')).toThrow(message);
});

test.each<[string, VendTaskProps, object]>([
  ['a user', { subject: 'alice@example.com' }, { subject: 'alice@example.com' }],
  ['a lifetime', { scopes: 'cloud-platform', lifetime: 900 }, { scopes: 'cloud-platform', lifetime: 900 }],
  [
    'what is known at run time',
    { subject: JsonPath.stringAt('$.u'), lifetime: JsonPath.numberAt('$.l') },
    { 'subject.$': '$.u', 'lifetime.$': '$.l' },
  ],
])('a task can ask a profile that allows it for %s', (_, props, parameters) => {
  const { definition } = createMachine(props, {}, false, 'people');

  expect(definition.States.Vend?.Parameters).toEqual(parameters);
});

test('a task can ask for a user and a lifetime in JSONata', () => {
  const queryLanguage = QueryLanguage.JSONATA;

  const { definition } = createMachine(
    { subject: '{% $user %}', lifetime: '{% 900 %}', queryLanguage },
    { queryLanguage },
    false,
    'people',
  );

  expect(definition.States.Vend).toMatchObject({
    Arguments: { subject: '{% $user %}', lifetime: '{% 900 %}' },
  });
});

test.each([
  ['scope', { scope: 'cloud-platform' }],
  ['maxLifetime', { maxLifetime: 900 }],
  ['integrationPattern', { integrationPattern: 'WAIT_FOR_TASK_TOKEN' }],
])('a field %s, which a task has not, is refused where no types are checked', (name, props) => {
  expect(() => createMachine(props as VendTaskProps)).toThrow(
    new UsageError(`has no field "${name}"`).message,
  );
});

test('refuses at synth to ask for both', () => {
  const both = { audience: AUDIENCE, scopes: ['cloud-platform'] } as unknown as VendTaskProps;

  expect(() => createMachine(both)).toThrow('not for both');
});

test("the state machine's role may invoke exactly the alias", () => {
  const { properties, resources } = createMachine({ audience: AUDIENCE });

  const alias = Object.keys(resources('AWS::Lambda::Alias'))
    .filter((id) => id.includes('default'))
    .join();

  expect(properties('AWS::IAM::Policy').map(({ PolicyDocument }) => PolicyDocument)).toEqual([
    {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: { Ref: alias } }],
    },
  ]);
});

test('the definition is valid Amazon States Language', () => {
  const { definition } = createMachine({ audience: AUDIENCE, resultPath: '$.google' }, {}, true);

  const { isValid, errorsText } = aslValidator(JSON.parse(JSON.stringify(definition)));

  expect(isValid, errorsText('\n')).toBe(true);
});

// What a task gives is JSON, and the handlers' type says so; the vendor's does not.
type Vendor = (event: unknown) => Promise<never>;

/** Runs the machine on this machine, `vendor` in the place of the function. */
async function runMachine(vendor: Vendor, audience: string) {
  const { definition } = createMachine(
    { audience: JsonPath.stringAt('$.audience'), resultPath: '$.google' },
    {},
    true,
  );
  const execution = new LocalStateMachine(definition as never).run(
    { audience },
    {
      overrides: {
        taskResourceLocalHandlers: { Vend: vendor },
        retryIntervalOverrides: { Vend: [0, 0, 0, 0] },
      },
    },
  );
  return await execution.result.then(
    (value: unknown) => ({ value }),
    (error: unknown) => ({ error: String(error) }),
  );
}

/** Runs the machine with a vendor that throws each of `codes` in turn and then answers. */
async function run(codes: readonly ErrorCode[]) {
  const events: unknown[] = [];
  const outcome = await runMachine((event) => {
    const code = codes[events.push(event) - 1];
    return code === undefined
      ? Promise.resolve({ id_token: 'x' } as never)
      : Promise.reject(new VendError(code, 'why'));
  }, AUDIENCE);
  return { events, outcome };
}

test('a state machine gets its token after errors that pass by themselves', async () => {
  const { events, outcome } = await run(['google_unavailable', 'timeout', 'credential_unavailable']);

  expect(events).toEqual(Array(4).fill({ audience: AUDIENCE }));
  expect(outcome).toEqual({ value: { audience: AUDIENCE, google: { id_token: 'x' } } });
});

test('a state machine catches by name an error that outlasts its tries', async () => {
  const { events, outcome } = await run(Array(9).fill('google_unavailable'));

  expect(events).toHaveLength(5);
  expect(outcome).toMatchObject({ value: { audience: AUDIENCE, error: { Error: 'GoogleUnavailable' } } });
});

test('a state machine does not try a refusal again', async () => {
  const { events, outcome } = await run(['access_denied']);

  expect(events).toHaveLength(1);
  expect(outcome).toMatchObject({ value: { error: { Error: 'AccessDenied' } } });
});

test.each(Object.entries(ERRORS).filter(([, { retryable }]) => !retryable))(
  '%s is not tried again',
  async (code) => {
    const { events } = await run([code as ErrorCode]);

    expect(events).toHaveLength(1);
  },
);

test('a state machine gets a token of the real vendor once Google is back', async () => {
  const { vendor, google, close } = await startVendorRig();
  let attempts = 0;
  google.interfere(() => {
    attempts += 1;
    return attempts <= 3 ? { status: 503, body: '' } : undefined;
  });

  const outcome = await runMachine(
    (event) => vendor.handler(event, contextFor('default')) as Promise<never>,
    AUDIENCE,
  );
  await close();

  expect(attempts).toBe(4);
  expect(outcome).toMatchObject({
    value: { google: { audience: AUDIENCE, id_token: expect.stringMatching(/^eyJ/), token_type: 'Bearer' } },
  });
});

test('a state machine catches what the real vendor refuses', async () => {
  const { vendor, google, close } = await startVendorRig();

  const outcome = await runMachine(
    (event) => vendor.handler(event, contextFor('default')) as Promise<never>,
    'https://elsewhere.example',
  );
  await close();

  expect(google.exchanges).toEqual([]);
  expect(outcome).toMatchObject({ value: { error: { Error: 'AccessDenied' } } });
});

test('what every task state takes is passed on', () => {
  const taskTimeout = Timeout.duration(Duration.seconds(40));

  const { definition } = createMachine({ audience: AUDIENCE, comment: 'for the reports', taskTimeout });

  expect(definition.States.Vend).toMatchObject({ Comment: 'for the reports', TimeoutSeconds: 40 });
});
