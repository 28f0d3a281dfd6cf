import { expect, test, vi } from 'vitest';
import { VendError } from '../lambda/errors.ts';
import { createMeter } from '../lambda/metrics.ts';
import type { Visit } from '../lambda/visit.ts';
import { createVendorStack } from './infra-rig.ts';

type Emf = {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      Namespace: string;
      Dimensions: string[][];
      Metrics: { Name: string; Unit: string }[];
    }[];
  };
} & Readonly<Record<string, unknown>>;

const DIRECT = { kind: 'direct', caller: undefined, parameters: () => [] } as const;
const BASE = {
  requestId: 'r',
  durationMs: 1,
  door: DIRECT,
  profile: 'default',
  request: undefined,
  grant: undefined,
} as const;
const TOKEN = { value: 'token', expiresAtMs: 0 };

function measure(visit: Visit): Emf {
  const written: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    written.push(String(chunk));
    return true;
  });
  createMeter({ serviceName: 'vendor' })(visit);
  write.mockRestore();
  expect(written).toHaveLength(1);
  return JSON.parse(written[0] ?? '');
}

function values(visit: Visit): Readonly<Record<string, unknown>> {
  const { _aws, ...fields } = measure(visit);
  return fields;
}

test('a minted token is counted with the time that Google took', () => {
  const written = values({ ...BASE, vended: { token: TOKEN, cached: false, googleMs: 12 } });

  expect(written).toEqual({
    service: 'vendor',
    Vended: 1,
    GoogleLatency: 12,
    ServerErrors: 0,
    ThrownErrors: 0,
  });
});

test('a token from the cache is counted as one, and says nothing of Google', () => {
  const written = values({ ...BASE, vended: { token: TOKEN, cached: true, googleMs: 0 } });

  expect(written).toEqual({ service: 'vendor', Vended: 1, CacheHits: 1, ServerErrors: 0, ThrownErrors: 0 });
});

test.each([
  ['invalid_request', { CallerErrors: 1, ServerErrors: 0 }],
  ['access_denied', { CallerErrors: 1, ServerErrors: 0 }],
  ['google_refused', { GoogleRefusals: 1, ServerErrors: 0 }],
  ['credential_invalid', { ServerErrors: 1 }],
  ['google_unavailable', { ServerErrors: 1 }],
  ['timeout', { ServerErrors: 1 }],
] as const)('%s is counted by whose fault it is', (code, counted) => {
  const written = values({ ...BASE, error: new VendError(code, 'no') });

  expect(written).toEqual({ service: 'vendor', ...counted, ThrownErrors: 1 });
});

test('an error that is answered over HTTP is not counted as thrown', () => {
  const written = values({
    ...BASE,
    door: { ...DIRECT, kind: 'http-api' },
    error: new VendError('timeout', 'no'),
  });

  expect(written).toMatchObject({ ServerErrors: 1, ThrownErrors: 0 });
});

test('every metric of its own that an alarm of the stack watches is one that the function writes', () => {
  const { properties } = createVendorStack();
  const visits: Visit[] = [
    { ...BASE, vended: { token: TOKEN, cached: false, googleMs: 1 } },
    { ...BASE, error: new VendError('google_refused', 'no') },
  ];

  const written = visits.map(measure).flatMap(({ _aws }) => _aws.CloudWatchMetrics);
  const names = written.flatMap(({ Namespace, Dimensions, Metrics }) =>
    Metrics.map(({ Name }) => `${Namespace} ${Dimensions.join()} ${Name}`),
  );
  type Watched = { Namespace?: string; MetricName?: string; Dimensions?: { Name: string }[] };
  const watched = properties('AWS::CloudWatch::Alarm')
    .flatMap((alarm) => [
      alarm as Watched,
      ...((alarm.Metrics ?? []) as { MetricStat?: { Metric: Watched } }[]).flatMap(
        ({ MetricStat }) => MetricStat?.Metric ?? [],
      ),
    ])
    .filter(({ Namespace }) => Namespace === 'GcpTokenVendor')
    .map(
      ({ Namespace, MetricName, Dimensions }) =>
        `${Namespace} ${Dimensions?.map(({ Name }) => Name).join()} ${MetricName}`,
    );

  expect(watched.length).toBeGreaterThanOrEqual(4);
  expect(new Set(names)).toEqual(new Set([...names, ...watched]));
});
