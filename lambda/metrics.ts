import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { ErrorCode } from './errors.ts';
import type { Visit } from './visit.ts';

const NAMESPACE = 'GcpTokenVendor';

const CALLER_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['invalid_request', 'access_denied']);

function metricFor(code: ErrorCode): 'CallerErrors' | 'GoogleRefusals' | 'ServerErrors' {
  if (CALLER_ERRORS.has(code)) {
    return 'CallerErrors';
  }
  return code === 'google_refused' ? 'GoogleRefusals' : 'ServerErrors';
}

/** Lambda counts an error that is thrown as its own, and one that is answered over HTTP not at all. */
function isThrown(visit: Visit): boolean {
  return 'error' in visit && (visit.door === undefined || visit.door.kind === 'direct');
}

/**
 * Returns what writes the metrics of a visit, in the embedded metric format: namespace `GcpTokenVendor`, dimension
 * `service` with the function's name. `ServerErrors` and `ThrownErrors` are written as 0 too, because an alarm
 * calculates with them.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function createMeter({ serviceName }: { readonly serviceName: string }): (visit: Visit) => void {
  const metrics = new Metrics({ namespace: NAMESPACE, serviceName });
  const count = (name: string, value = 1) => metrics.addMetric(name, MetricUnit.Count, value);

  return (visit) => {
    const metric = 'error' in visit ? metricFor(visit.error.code) : 'Vended';
    if (metric !== 'ServerErrors') {
      count(metric);
    }
    count('ServerErrors', metric === 'ServerErrors' ? 1 : 0);
    count('ThrownErrors', isThrown(visit) ? 1 : 0);
    if ('vended' in visit && visit.vended.cached) {
      count('CacheHits');
    } else if ('vended' in visit) {
      metrics.addMetric('GoogleLatency', MetricUnit.Milliseconds, visit.vended.googleMs);
    }
    metrics.publishStoredMetrics();
  };
}
