import { headerValue, type ReceivedRequest } from './received-request.ts';
import { parseQuery } from './signed-request.ts';
import { type StsFault, stsFault } from './sts-answer.ts';

/** A call in the Query protocol; its parameters are what is neither the action, the version nor the signature. */
export type StsCall = {
  readonly kind: 'call';
  readonly action: string;
  readonly parameters: ReadonlyMap<string, string>;
};

export const STS_VERSION = '2011-06-15';
const FORM = /^application\/x-www-form-urlencoded(?:;.*)?$/i;

/** Returns the action that a request names, or an empty text: for lists of what was asked, whatever else is wrong. */
export function actionOf(request: ReceivedRequest): string {
  const call = readParameters(request);
  return call instanceof Map ? (call.get('Action') ?? '') : '';
}

function readParameters(request: ReceivedRequest): Map<string, string> | StsFault {
  if (request.body.length > 0 && !FORM.test(headerValue(request.headers, 'content-type') ?? '')) {
    return stsFault('InvalidParameterValue', 'A body must be application/x-www-form-urlencoded.');
  }
  const parameters = new Map<string, string>();
  for (const source of [request.query, request.body.toString('utf8')]) {
    for (const [name, value] of Object.entries(parseQuery(source))) {
      if (typeof value !== 'string' || parameters.has(name)) {
        return stsFault('MalformedQueryString', `The parameter ${name} is given more than once.`);
      }
      parameters.set(name, value);
    }
  }
  return parameters;
}

/**
 * Returns the call that a request makes, with its parameters from the query and the form together, or the fault in it.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/CommonParameters.html
 */
export function parseStsCall(request: ReceivedRequest): StsCall | StsFault {
  if (!['GET', 'POST'].includes(request.method) || request.path !== '/') {
    return stsFault('InvalidAction', 'Requests are GET / or POST /.', 404);
  }
  const all = readParameters(request);
  if (!(all instanceof Map)) {
    return all;
  }
  const action = all.get('Action');
  if (action === undefined) {
    return stsFault('MissingAction', 'The request is missing an action or a required parameter.');
  }
  const version = all.get('Version') ?? 'NO_VERSION_SPECIFIED';
  if (version !== STS_VERSION) {
    return stsFault('InvalidAction', `Could not find operation ${action} for version ${version}`);
  }
  const rest = [...all].filter(([name]) => name !== 'Action' && name !== 'Version' && !/^x-amz-/i.test(name));
  return { kind: 'call', action, parameters: new Map(rest) };
}
