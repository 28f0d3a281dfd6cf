import type { Alarm, IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { ALARM_PERIOD, alarmsIn, writtenMetric } from './vendor-alarm.ts';

/** A client with an old secret tries it a few times; more is somebody who tries what he does not have. */
const FAILED_LOGINS = 10;

/** The alarms of `POST /oauth/token`, for whoever wants to act on them. */
export type OAuthAlarms = {
  /** Somebody tries secrets, or a client has one that is no longer good. */
  readonly failedLogins: Alarm;
  /** A client that authenticated got no token, or no client could be authenticated. */
  readonly errors: Alarm;
  /** A secret could not be rotated: the two that were good still are. */
  readonly rotations: Alarm;
};

export type OAuthAlarmsProps = {
  readonly fn: LambdaFunction;
  readonly registrar: LambdaFunction;
  readonly actions: readonly IAlarmAction[];
};

/** Creates the alarms of OAuth. No data is no alarm. */
export function createOAuthAlarms(scope: Construct, props: OAuthAlarmsProps): OAuthAlarms {
  const { fn, registrar, actions } = props;
  const alarm = alarmsIn(scope, actions);
  return {
    failedLogins: alarm(
      'FailedLoginsAlarm',
      'OAuth clients fail to authenticate: an old secret, or somebody who guesses',
      writtenMetric(fn as IFunction, 'OAuthFailedLogins'),
      FAILED_LOGINS,
    ),
    errors: alarm(
      'ErrorsAlarm',
      'OAuth clients get no tokens; the log of the OAuth function has the reason',
      writtenMetric(fn as IFunction, 'OAuthErrors'),
    ),
    rotations: alarm(
      'RotationsAlarm',
      'The secret of an OAuth client could not be rotated; the log of the registrar has the reason',
      registrar.metricErrors({ period: ALARM_PERIOD }),
    ),
  };
}
