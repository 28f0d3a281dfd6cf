import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IAlarmAction,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';

/** The CloudWatch namespace of the metrics that the function writes, each with its own name as the dimension `service`. */
export const METRICS_NAMESPACE = 'GcpTokenVendor';

const PERIOD = Duration.minutes(5);

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

function vendorMetric(fn: IFunction, metricName: string, statistic: string): Metric {
  return new Metric({
    namespace: METRICS_NAMESPACE,
    metricName,
    dimensionsMap: { service: fn.functionName },
    period: PERIOD,
    statistic,
  });
}

/**
 * The vendor's own failures, each counted one time. Lambda counts a caller's error as an error of the function when
 * it is thrown, which it is to Lambda and Step Functions; and it does not see those that are answered over HTTP.
 */
function ownFailures(fn: IFunction): IMetric {
  return new MathExpression({
    label: 'Failures of the vendor',
    expression:
      'IF(FILL(errors, 0) > FILL(thrown, 0), FILL(errors, 0) - FILL(thrown, 0), 0) + FILL(server, 0)',
    period: PERIOD,
    usingMetrics: {
      errors: fn.metricErrors({ period: PERIOD }),
      thrown: vendorMetric(fn, 'ThrownErrors', 'Sum'),
      server: vendorMetric(fn, 'ServerErrors', 'Sum'),
    },
  });
}

/** Creates the alarms of a vendor. No data is no alarm: a vendor that nobody asks is well. */
export function createVendorAlarms(scope: Construct, props: VendorAlarmsProps): VendorAlarms {
  const { fn, slowMint, actions } = props;
  const alarm = (id: string, alarmDescription: string, metric: IMetric, threshold = 1) => {
    const created = new Alarm(scope, id, {
      alarmDescription,
      metric,
      threshold,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    created.addAlarmAction(...actions);
    return created;
  };
  return {
    errors: alarm('ErrorsAlarm', 'The token vendor itself failed; its log has the reason', ownFailures(fn)),
    throttles: alarm(
      'ThrottlesAlarm',
      'Lambda turned requests for tokens away',
      fn.metricThrottles({ period: PERIOD }),
    ),
    googleRefusals: alarm(
      'GoogleRefusalsAlarm',
      'Google refused to issue a token: the answer has its words and the fix',
      vendorMetric(fn, 'GoogleRefusals', 'Sum'),
    ),
    slowMints: alarm(
      'SlowMintsAlarm',
      'Google takes long to issue tokens',
      vendorMetric(fn, 'GoogleLatency', 'p99'),
      slowMint.toMilliseconds(),
    ),
  };
}
