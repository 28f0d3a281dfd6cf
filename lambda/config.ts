import type { CredentialLocation } from './credentials/credential-store.ts';
import { type Fields, fieldsOf, isFields } from './fields.ts';

/** What the stack tells the function through its environment: nothing of it is secret. */
export type Config = {
  readonly functionName: string;
  readonly credentials: ReadonlyMap<string, CredentialLocation>;
  /** With provisioned concurrency the container is frozen as soon as its start is over. */
  readonly frozenAfterStart: boolean;
};

type Environment = Readonly<Record<string, string | undefined>>;

function parseLocation(value: unknown): CredentialLocation | undefined {
  const { secret, document, ...others } = fieldsOf(value);
  if (Object.keys(others).length > 0 || (secret === undefined) === (document === undefined)) {
    return undefined;
  }
  if (isFields(document)) {
    return { document };
  }
  return typeof secret === 'string' && secret !== '' ? { secret } : undefined;
}

function parseObject(json: string, report: (fault: string) => void): Fields {
  try {
    const document: unknown = JSON.parse(json);
    if (isFields(document)) {
      return document;
    }
    report('CREDENTIALS is no JSON object');
  } catch {
    report('CREDENTIALS is not JSON');
  }
  return {};
}

function parseCredentials(
  json: string,
  report: (fault: string) => void,
): ReadonlyMap<string, CredentialLocation> {
  const credentials = new Map<string, CredentialLocation>();
  for (const [name, value] of Object.entries(parseObject(json, report))) {
    const location = parseLocation(value);
    if (location === undefined) {
      report(`CREDENTIALS.${name} must be {"secret": "ARN"} or {"document": {…}}`);
    } else {
      credentials.set(name, location);
    }
  }
  return credentials;
}

/**
 * Returns the function's configuration.
 *
 * @throws {Error} with every fault at once
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
export function parseConfig(environment: Environment): Config {
  const faults: string[] = [];
  const required = (name: string): string => {
    const value = environment[name];
    if (value === undefined || value === '') {
      faults.push(`${name} is missing`);
    }
    return value ?? '';
  };
  const functionName = required('AWS_LAMBDA_FUNCTION_NAME');
  const credentials = parseCredentials(required('CREDENTIALS') || '{}', (fault) => faults.push(fault));
  if (faults.length > 0) {
    throw new Error(`The function's environment is not as its stack sets it: ${faults.join('; ')}.`);
  }
  const frozenAfterStart = environment.AWS_LAMBDA_INITIALIZATION_TYPE === 'provisioned-concurrency';
  return { functionName, credentials, frozenAfterStart };
}
