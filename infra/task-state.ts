import { Token } from 'aws-cdk-lib';
import type { TaskStateBaseProps } from 'aws-cdk-lib/aws-stepfunctions';

/** What every task state takes (`resultPath`, `taskTimeout`, `queryLanguage`, …). */
export type StateProps = Omit<TaskStateBaseProps, 'integrationPattern'>;

/** The fields of {@link StateProps}, each of which the compiler asks for. */
export const STATE_FIELDS: Readonly<Record<keyof StateProps, true>> = {
  assign: true,
  comment: true,
  credentials: true,
  heartbeat: true,
  heartbeatTimeout: true,
  inputPath: true,
  outputPath: true,
  outputs: true,
  queryLanguage: true,
  resultPath: true,
  resultSelector: true,
  stateName: true,
  taskTimeout: true,
  timeout: true,
};

/** Returns whether only the running state machine knows a value: a JSONPath token of CDK's, or a JSONata expression. */
export function isDynamic(value: unknown): boolean {
  return Token.isUnresolved(value) || (typeof value === 'string' && value.startsWith('{%'));
}
