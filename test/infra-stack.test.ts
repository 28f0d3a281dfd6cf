import { Duration } from 'aws-cdk-lib';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { expect, test } from 'vitest';
import { createVendorStack, PROFILES } from './infra-rig.ts';

const FUNCTION = 'AWS::Lambda::Function';
const ALARM = 'AWS::CloudWatch::Alarm';

test('the function is Node 24 on arm64, with its own log group, and its environment has no secret', () => {
  const { properties, idOf } = createVendorStack();

  const [fn] = properties(FUNCTION);

  expect(fn).toMatchObject({
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
    Handler: 'index.handler',
    MemorySize: 512,
    Timeout: 29,
    LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: expect.stringContaining('FunctionLog') } },
  });
  expect(fn?.Environment).toEqual({
    Variables: {
      CREDENTIALS: {
        'Fn::Join': ['', ['{"default":{"secret":"', { Ref: idOf('AWS::SecretsManager::Secret') }, '"}}']],
      },
    },
  });
  expect(fn).not.toHaveProperty('TracingConfig');
  expect(fn).not.toHaveProperty('ReservedConcurrentExecutions');
});

test('what is given is taken', () => {
  const { properties } = createVendorStack(() => ({
    memorySize: 1024,
    timeout: Duration.seconds(12),
    reservedConcurrentExecutions: 5,
    provisionedConcurrentExecutions: { reports: 3 },
    logRetention: RetentionDays.ONE_WEEK,
  }));

  const provisioned = properties('AWS::Lambda::Alias').map((alias) => [
    alias.Name,
    alias.ProvisionedConcurrencyConfig,
  ]);

  expect(properties(FUNCTION)[0]).toMatchObject({
    MemorySize: 1024,
    Timeout: 12,
    ReservedConcurrentExecutions: 5,
  });
  expect(Object.fromEntries(provisioned)).toEqual({
    Doctor: undefined,
    default: undefined,
    reports: { ProvisionedConcurrentExecutions: 3 },
  });
  expect(properties('AWS::Logs::LogGroup')).toEqual(Array(2).fill({ RetentionInDays: 7 }));
});

test('every alias is of the version that has the code and the configuration of now', () => {
  const { properties, idOf } = createVendorStack();
  const changed = createVendorStack(() => ({ profiles: { ...PROFILES, more: { scopes: ['email'] } } }));

  const versions = properties('AWS::Lambda::Alias').map(({ FunctionVersion }) => FunctionVersion);

  const version = idOf('AWS::Lambda::Version');
  expect(versions).toEqual(Array(3).fill({ 'Fn::GetAtt': [version, 'Version'] }));
  expect(changed.idOf('AWS::Lambda::Version')).not.toBe(version);
});

test('refuses provisioned concurrency for a profile that is not there', () => {
  const create = () => createVendorStack(() => ({ provisionedConcurrentExecutions: { nope: 1 } }));

  expect(create).toThrow(
    'provisionedConcurrentExecutions: there is no profile "nope"; there are: default, reports',
  );
});

test('refuses a profile whose credential is not given, and lists those that are', () => {
  const create = () =>
    createVendorStack((stack) => ({
      profiles: { default: { scopes: ['email'] }, x: { credential: 'other', scopes: ['email'] } },
      credentials: { default: new Secret(stack, 'A'), second: new Secret(stack, 'B') },
    }));

  expect(create).toThrow(
    'there are: default, second); leave the field out, or give the secret in the property credentials of GcpTokenVendor:\n  - x.credential: "other"',
  );
});

test('refuses credentials that cannot fit into the environment', () => {
  const names = Array.from({ length: 30 }, (_, index) => `credential-${index}`);
  const create = () =>
    createVendorStack((stack) => ({
      profiles: Object.fromEntries(names.map((name) => [name, { credential: name, scopes: ['email'] }])),
      credentials: Object.fromEntries(names.map((name) => [name, new Secret(stack, name)])),
    }));

  expect(create).toThrow(/ARNs of 30 credentials take about \d{4} bytes, and .* ends at 4096/);
});

test('a thousand audiences fit: they travel in the asset, and not in the template', () => {
  const audiences = Array.from({ length: 1000 }, (_, index) => `https://service-${index}-abcdef.a.run.app`);

  const { text } = createVendorStack(() => ({ profiles: { default: { audiences } } }));

  expect(text()).not.toContain('a.run.app');
});

test('four alarms watch the vendor, and silence is no alarm', () => {
  const { properties, stack } = createVendorStack((scope) => ({
    alarmActions: [new SnsAction(new Topic(scope, 'Topic'))],
  }));

  const alarms = properties(ALARM);

  expect(stack.node.tryFindChild('Topic')).toBeDefined();
  expect(alarms).toHaveLength(4);
  expect(alarms).toEqual(
    Array(4).fill(
      expect.objectContaining({
        ComparisonOperator: 'GreaterThanOrEqualToThreshold',
        TreatMissingData: 'notBreaching',
        AlarmActions: [{ Ref: expect.stringContaining('Topic') }],
      }),
    ),
  );
});

test('the alarms watch throttles, refusals by Google and slow mints', () => {
  const { properties, idOf } = createVendorStack(() => ({ slowMint: Duration.seconds(2) }));

  const Value = { Ref: idOf(FUNCTION) };
  const Dimensions = [{ Name: 'service', Value }];

  expect(properties(ALARM)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        Namespace: 'AWS/Lambda',
        MetricName: 'Throttles',
        Dimensions: [{ Name: 'FunctionName', Value }],
        Threshold: 1,
      }),
      expect.objectContaining({
        Namespace: 'GcpTokenVendor',
        MetricName: 'GoogleRefusals',
        Dimensions,
        Statistic: 'Sum',
        Threshold: 1,
      }),
      expect.objectContaining({
        Namespace: 'GcpTokenVendor',
        MetricName: 'GoogleLatency',
        Dimensions,
        ExtendedStatistic: 'p99',
        Threshold: 2000,
        EvaluationPeriods: 1,
      }),
    ]),
  );
});

test("the alarm on errors leaves out a caller's own, which Lambda counts when they are thrown", () => {
  const { properties } = createVendorStack();

  const [alarm] = properties(ALARM).filter(({ Metrics }) => Metrics !== undefined);
  const metrics = alarm?.Metrics as readonly {
    Id: string;
    Expression?: string;
    MetricStat?: { Metric: object };
  }[];

  expect(metrics.find(({ Expression }) => Expression !== undefined)?.Expression).toBe(
    'IF(FILL(errors, 0) > FILL(thrown, 0), FILL(errors, 0) - FILL(thrown, 0), 0) + FILL(server, 0)',
  );
  expect(Object.fromEntries(metrics.map(({ Id, MetricStat }) => [Id, MetricStat?.Metric]))).toMatchObject({
    errors: { Namespace: 'AWS/Lambda', MetricName: 'Errors' },
    thrown: { Namespace: 'GcpTokenVendor', MetricName: 'ThrownErrors' },
    server: { Namespace: 'GcpTokenVendor', MetricName: 'ServerErrors' },
  });
});

test('a profile may have the name of what every object has', () => {
  const create = () => createVendorStack(() => ({ profiles: { constructor: { scopes: ['email'] } } })).text();

  expect(create).not.toThrow();
});
