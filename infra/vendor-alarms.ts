import type { Duration } from 'aws-cdk-lib';
import { type Alarm, type IAlarmAction, type IMetric, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { ALARM_PERIOD, alarmsIn, writtenMetric } from './vendor-alarm.ts';

/** The alarms of a vendor, for whoever wants to act on them. */
export type VendorAlarms = {
  /** The vendor failed: a crash, a time-out, no credential, no Google. */
  readonly errors: Alarm;
  /** Lambda turned callers away. */
  readonly throttles: Alarm;
  /** Google said no: a key that was deleted, a scope or an audience that does not exist. */
  readonly googleRefusals: Alarm;
  /** One mint in a hundred takes too long; of few mints, one. */
  readonly slowMints: Alarm;
};

export type VendorAlarmsProps = {
  readonly fn: IFunction;
  /** What a mint may take at the 99th percentile. */
  readonly slowMint: Duration;
  readonly actions: readonly IAlarmAction[];
};

/**
 * The vendor's own failures, each counted one time. Lambda counts a caller's error as an error of the function when
 * it is thrown, which it is to Lambda and Step Functions; and it does not see those that are answered over HTTP.
 */
function ownFailures(fn: IFunction): IMetric {
  return new MathExpression({
    label: 'Failures of the vendor',
    expression:
      'IF(FILL(errors, 0) > FILL(thrown, 0), FILL(errors, 0) - FILL(thrown, 0), 0) + FILL(server, 0)',
    period: ALARM_PERIOD,
    usingMetrics: {
      errors: fn.metricErrors({ period: ALARM_PERIOD }),
      thrown: writtenMetric(fn, 'ThrownErrors'),
      server: writtenMetric(fn, 'ServerErrors'),
    },
  });
}

/** Creates the alarms of a vendor. No data is no alarm: a vendor that nobody asks is well. */
export function createVendorAlarms(scope: Construct, props: VendorAlarmsProps): VendorAlarms {
  const { fn, slowMint, actions } = props;
  const alarm = alarmsIn(scope, actions);
  return {
    errors: alarm('ErrorsAlarm', 'The token vendor itself failed; its log has the reason', ownFailures(fn)),
    throttles: alarm(
      'ThrottlesAlarm',
      'Lambda turned requests for tokens away',
      fn.metricThrottles({ period: ALARM_PERIOD }),
    ),
    googleRefusals: alarm(
      'GoogleRefusalsAlarm',
      'Google refused to issue a token: the answer has its words and the fix',
      writtenMetric(fn, 'GoogleRefusals'),
    ),
    slowMints: alarm(
      'SlowMintsAlarm',
      'Google takes long to issue tokens',
      writtenMetric(fn, 'GoogleLatency', 'p99'),
      slowMint.toMilliseconds(),
    ),
  };
}
