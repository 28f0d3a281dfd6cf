import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IAlarmAction,
  type IMetric,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';

/** The CloudWatch namespace of the metrics that the functions write, each with its own name as the dimension `service`. */
export const METRICS_NAMESPACE = 'GcpTokenVendor';

/** What an alarm looks at, at a time. */
export const ALARM_PERIOD = Duration.minutes(5);

/** Returns a metric that a function writes itself. */
export function writtenMetric(fn: IFunction, metricName: string, statistic = 'Sum'): Metric {
  return new Metric({
    namespace: METRICS_NAMESPACE,
    metricName,
    dimensionsMap: { service: fn.functionName },
    period: ALARM_PERIOD,
    statistic,
  });
}

/** Makes an alarm: its id, what it means, what it looks at, and from how much on (1) it is raised. */
export type CreateAlarm = (
  id: string,
  alarmDescription: string,
  metric: IMetric,
  threshold?: number,
) => Alarm;

/** Returns what makes alarms in `scope`, each with `actions`. No data is no alarm. */
export function alarmsIn(scope: Construct, actions: readonly IAlarmAction[]): CreateAlarm {
  return (id, alarmDescription, metric, threshold = 1) => {
    const alarm = new Alarm(scope, id, {
      alarmDescription,
      metric,
      threshold,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(...actions);
    return alarm;
  };
}
