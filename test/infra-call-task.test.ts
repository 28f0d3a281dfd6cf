import aslValidator from 'asl-validator';
import { Duration, Validations } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { JsonPath, QueryLanguage, type StateMachineProps, Timeout } from 'aws-cdk-lib/aws-stepfunctions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import type { CallTaskProps } from '../infra/call-task.ts';
import { UsageError } from '../infra/usage-error.ts';
import { createVendorStack } from './infra-rig.ts';
import { createCallMachine, type MachineOptions } from './make-call-machine.ts';

const HELLO = 'https://europe-west1-example.cloudfunctions.net/hello';
const RUN = 'https://reports-abc123-ew.a.run.app';
const CLIENT_ID = '1234-abc.apps.googleusercontent.com';

function machineOf(props: CallTaskProps, options: MachineOptions = {}) {
  return createCallMachine([props], options);
}

function stateOf(props: CallTaskProps, machine: Partial<StateMachineProps> = {}) {
  return machineOf(props, { machine }).definition.States.Call1;
}

test('a call is one state, which invokes the function that calls', () => {
  const body = { id: JsonPath.stringAt('$.id'), kind: 'full' };

  const state = stateOf({
    url: `${HELLO}/a?b=c`,
    method: 'PUT',
    headers: { 'x-trace': JsonPath.stringAt('$.trace'), accept: 'text/plain' },
    query: { page: 1, tags: ['a', 'b'] },
    body,
    acceptStatuses: [404],
    maxResponseBytes: 1_000,
    timeout: Duration.minutes(2),
    resultPath: '$.answer',
    comment: 'why',
    taskTimeout: Timeout.duration(Duration.minutes(3)),
  });

  expect(state).toMatchObject({
    Type: 'Task',
    Resource: 'arn:aws:lambda:eu-west-1:111111111111:function:caller',
    Parameters: {
      url: `${HELLO}/a?b=c`,
      method: 'PUT',
      headers: { 'x-trace.$': '$.trace', accept: 'text/plain' },
      query: { page: 1, tags: ['a', 'b'] },
      body: { 'id.$': '$.id', kind: 'full' },
      acceptStatuses: [404],
      maxResponseBytes: 1_000,
      timeoutSeconds: 120,
    },
    ResultPath: '$.answer',
    Comment: 'why',
    TimeoutSeconds: 180,
  });
});

test.each<[string, CallTaskProps, object]>([
  ['a literal URL', { url: HELLO }, { url: HELLO, method: 'GET' }],
  ['a literal text as body', { url: HELLO, body: 'x' }, { url: HELLO, method: 'POST', body: 'x' }],
  [
    'what is known at run time',
    {
      url: JsonPath.stringAt('$.url'),
      method: JsonPath.stringAt('$.method'),
      headers: JsonPath.objectAt('$.headers'),
      query: JsonPath.objectAt('$.query'),
      body: JsonPath.objectAt('$.body'),
      audience: JsonPath.stringAt('$.audience'),
    },
    {
      'url.$': '$.url',
      'method.$': '$.method',
      'headers.$': '$.headers',
      'query.$': '$.query',
      'body.$': '$.body',
      'audience.$': '$.audience',
    },
  ],
  [
    'a formatted URL',
    {
      url: JsonPath.format(`${HELLO}/{}`, JsonPath.stringAt('$.id')),
      query: { a: JsonPath.stringAt('$.a') },
    },
    { 'url.$': `States.Format('${HELLO}/{}', $.id)`, method: 'GET', query: { 'a.$': '$.a' } },
  ],
])('a call can have %s', (_, props, parameters) => {
  expect(stateOf(props)?.Parameters).toEqual({ ...parameters, timeoutSeconds: 30 });
});

test('a call can be written in JSONata', () => {
  const queryLanguage = QueryLanguage.JSONATA;
  const props = { url: "{% 'https://x/' & $id %}", headers: { a: '{% $a %}' }, body: '{% $states.input %}' };

  expect(stateOf({ ...props, queryLanguage }, { queryLanguage })).toMatchObject({
    Arguments: { ...props, method: 'POST' },
  });
});

const SAFE = [
  'CredentialUnavailable',
  'GoogleUnavailable',
  'Timeout',
  'ServiceThrottled',
  'ServiceUnreachable',
  'Lambda.TooManyRequestsException',
];
const ALL = [
  ...SAFE,
  'ServiceUnavailable',
  'ServiceDisconnected',
  'ServiceTimeout',
  'Lambda.AWSLambdaException',
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.SdkClientException',
  'Lambda.ServiceException',
];

test.each<[string, CallTaskProps, readonly string[]]>([
  ['a GET', { url: HELLO }, ALL],
  ['a HEAD', { url: HELLO, method: 'HEAD' }, ALL],
  ['a PUT', { url: HELLO, method: 'PUT', body: {} }, ALL],
  ['a DELETE', { url: HELLO, method: 'DELETE' }, ALL],
  ['a POST', { url: HELLO, body: {} }, SAFE],
  ['a PATCH', { url: HELLO, method: 'PATCH', body: {} }, SAFE],
  ['a method of run time', { url: HELLO, method: JsonPath.stringAt('$.method') }, SAFE],
  ['a POST that may be repeated', { url: HELLO, body: {}, retryNonIdempotent: true }, ALL],
])('%s is tried again where that helps and does no harm', (_, props, errors) => {
  const [retry, ...others] = stateOf(props)?.Retry ?? [];

  expect([...((retry?.ErrorEquals as string[]) ?? [])].sort()).toEqual([...errors].sort());
  expect(retry).toMatchObject({
    IntervalSeconds: 1,
    MaxAttempts: 4,
    BackoffRate: 2,
    MaxDelaySeconds: 20,
    JitterStrategy: 'FULL',
  });
  expect(others).toEqual([]);
});

test.each<[string, CallTaskProps, string]>([
  [
    'a URL of a stranger',
    { url: 'https://stranger.example/' },
    'does not allow the audience "https://stranger.example"',
  ],
  ['a function that is not named', { url: `${RUN}.evil.example/` }, 'does not allow the audience'],
  ['http', { url: HELLO.replace('https', 'http') }, 'is not an https URL in its plain spelling'],
  ['a URL with a user', { url: HELLO.replace('//', '//a@') }, 'is not an https URL in its plain spelling'],
  [
    'a client id at another place',
    { url: 'https://iap.example/', audience: CLIENT_ID },
    'does not allow calls of',
  ],
  [
    'an audience that is not named',
    { url: RUN, audience: 'https://custom.example' },
    'does not allow the audience',
  ],
  ['another method', { url: HELLO, method: 'TRACE' }, 'method: "TRACE" is none of GET'],
  ['a method in lower case', { url: HELLO, method: 'get' }, 'method: "get" is none of GET'],
  ['a GET with a body', { url: HELLO, method: 'GET', body: {} }, 'body: a GET has none'],
  [
    'a GET with a body of run time',
    { url: HELLO, method: 'GET', body: JsonPath.objectAt('$') },
    'body: a GET has none',
  ],
  [
    'a token of its own',
    { url: HELLO, headers: { Authorization: JsonPath.stringAt('$.t') } },
    'Authorization cannot be set',
  ],
  [
    'a header of the connection',
    { url: HELLO, headers: { 'Transfer-Encoding': 'chunked' } },
    'cannot be set',
  ],
  [
    'a header with another inside',
    { url: HELLO, headers: { a: 'b\r\nc: d' } },
    'is not a text of visible ASCII',
  ],
  ['a status that is a result anyway', { url: HELLO, acceptStatuses: [302] }, 'acceptStatuses'],
  ['more than a state can hold', { url: HELLO, maxResponseBytes: 262_145 }, 'from 1 to 262144'],
  ['more time than a function has', { url: HELLO, timeout: Duration.minutes(15) }, 'from 1 to 895'],
  [
    'a time that is known only at run time',
    { url: HELLO, timeout: Duration.seconds(JsonPath.numberAt('$.seconds')) },
    'timeout: it must be known at synth',
  ],
  ['half a second', { url: HELLO, timeout: Duration.millis(500) }, 'from 1 to 895'],
])('refuses at synth %s', (_, props, message) => {
  expect(() => machineOf(props)).toThrow(UsageError);
  expect(() => machineOf(props)).toThrow(message);
});

test.each([
  ['uri', { uri: HELLO }],
  ['integrationPattern', { integrationPattern: 'WAIT_FOR_TASK_TOKEN' }],
  ['profile', { profile: 'other' }],
])('a field %s, which a call has not, is refused where no types are checked', (name, props) => {
  expect(() => machineOf({ url: HELLO, ...props } as CallTaskProps)).toThrow(`has no field "${name}"`);
});

test('refuses at synth any call for a profile without audiences', () => {
  expect(() => machineOf({ url: JsonPath.stringAt('$.url') }, { profile: 'reports' })).toThrow(
    'The profile reports vends no ID tokens',
  );
});

test('without a call the template is what it was', () => {
  const before = createVendorStack().text();

  expect(before).not.toMatch(/VENDOR_ALIAS|Call-|Calls private services/);
});

test('all calls of a profile share one function, each profile has its own', () => {
  const { resources } = createCallMachine([{ url: HELLO }, { url: RUN }], { alsoBy: 'other' });

  const callers = Object.values(resources('AWS::Lambda::Function')).filter(({ Properties }) =>
    String(Properties.Description).startsWith('Calls private services'),
  );
  expect(callers).toHaveLength(2);
});

test('the function that calls has bounds, a log of its own and nothing secret in its environment', () => {
  const { caller, alias, resources, properties } = machineOf(
    { url: HELLO, timeout: Duration.seconds(100) },
    { logRetention: RetentionDays.ONE_MONTH },
  );

  expect(caller).toEqual({
    Description: 'Calls private services with ID tokens of the profile default',
    Architectures: ['arm64'],
    Runtime: 'nodejs24.x',
    Handler: 'index.handler',
    Code: expect.anything(),
    MemorySize: 512,
    Timeout: 105,
    Role: expect.anything(),
    LoggingConfig: { LogFormat: 'JSON', LogGroup: expect.anything() },
    Environment: { Variables: { VENDOR_ALIAS: { Ref: alias } } },
  });
  expect(Object.keys(resources('AWS::Logs::LogGroup'))).toHaveLength(2);
  expect(properties('AWS::Logs::LogGroup').map(({ RetentionInDays }) => RetentionInDays)).toEqual([30, 30]);
});

test('its role may invoke the one alias and write its own log, and nothing else', () => {
  const { alias, callerLog, properties } = machineOf({ url: HELLO });

  const role = properties('AWS::IAM::Role').find(({ Description }) =>
    String(Description).startsWith('Calls services'),
  );

  expect(role).toMatchObject({
    Policies: [
      {
        PolicyDocument: {
          Statement: [
            { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: { Ref: alias } },
            {
              Effect: 'Allow',
              Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              Resource: { 'Fn::GetAtt': [callerLog, 'Arn'] },
            },
          ],
        },
      },
    ],
  });
  expect(role).not.toHaveProperty('ManagedPolicyArns');
});

test("the state machine's role may invoke the function that calls, and no alias of the vendor's", () => {
  const { callerId, properties } = machineOf({ url: HELLO });

  expect(properties('AWS::IAM::Policy').map(({ PolicyDocument }) => PolicyDocument)).toEqual([
    {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: 'lambda:InvokeFunction',
          Resource: { 'Fn::GetAtt': [callerId, 'Arn'] },
        },
      ],
    },
  ]);
});

test('the definition is valid Amazon States Language', () => {
  const { definition } = machineOf({ url: HELLO, body: { a: JsonPath.stringAt('$.a') } });

  const { isValid, errorsText } = aslValidator(JSON.parse(JSON.stringify(definition)));

  expect(isValid, errorsText('\n')).toBe(true);
});

test('AWS’s rules find nothing in the function that calls', () => {
  const { app, stack, vendor } = machineOf({ url: HELLO });
  const pack = new AwsSolutionsChecks(app);
  Validations.of(app).addPlugins(pack);

  const { violations } = pack.validateScope(vendor);

  expect(violations.map(({ ruleName }) => ruleName)).toEqual([]);
  // The machine of the test breaks two.
  expect(pack.validateScope(stack).violations.map(({ ruleName }) => ruleName)).toHaveLength(2);
});
