import { Duration } from 'aws-cdk-lib';
import { JitterType } from 'aws-cdk-lib/aws-stepfunctions';

/** Of these the function surely did not run. */
export const THROTTLED_LAMBDA_ERRORS: readonly string[] = ['Lambda.TooManyRequestsException'];

/** Errors of Lambda's that pass by themselves; `States.TaskFailed` would take in those that do not. */
export const TRANSIENT_LAMBDA_ERRORS: readonly string[] = [
  'Lambda.AWSLambdaException',
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.SdkClientException',
  'Lambda.ServiceException',
  ...THROTTLED_LAMBDA_ERRORS,
];

/** How a task tries again. */
export const TASK_RETRY = {
  interval: Duration.seconds(1),
  backoffRate: 2,
  maxAttempts: 4,
  maxDelay: Duration.seconds(20),
  jitterStrategy: JitterType.FULL,
};
