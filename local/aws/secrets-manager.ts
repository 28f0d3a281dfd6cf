import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Answer, send } from './answer.ts';
import { guardFault } from './guard.ts';
import { type Listening, listen } from './listen.ts';
import { headerValue, type ReceivedHeaders, type ReceivedRequest, receive } from './received-request.ts';
import { SECRET_ACTIONS } from './secret-actions.ts';
import {
  createSecretStore,
  isFault,
  type Secret,
  type SecretFault,
  type SecretStore,
  type SecretValue,
} from './secret-store.ts';

/** One request as the stand-in saw it; no value is ever in it. `status` is 0 where there was no answer. */
export type SecretsManagerRequest = {
  readonly action: string;
  readonly secretId: string | undefined;
  readonly versionStage: string | undefined;
  readonly status: number;
};

/** What happens to a request instead of an answer: an answer of the test's own, a reset, or silence until `close`. */
export type Interference =
  | {
      readonly status: number;
      readonly body?: Answer['body'];
      readonly headers?: Answer['headers'];
    }
  | 'reset'
  | 'hang';

/** Decides what happens to a request; `undefined` lets it through. */
export type Interferer = (
  request: Omit<SecretsManagerRequest, 'status'>,
) => Interference | undefined | Promise<Interference | undefined>;

export type LocalSecretsManager = Listening & {
  /** Returns the new secret's ARN. @throws {Error} if the name is taken or the value is empty or too large */
  readonly createSecret: (name: string, value: SecretValue) => string;
  /** Returns the id of the new version, which is `AWSCURRENT` from here on. @throws {Error} as Secrets Manager refuses */
  readonly putSecretValue: (name: string, value: SecretValue) => string;
  /** Marks a secret for deletion. @throws {Error} if there is none of that name */
  readonly deleteSecret: (name: string) => void;
  /** The last 10,000 requests, in the order of their answers. */
  readonly requests: readonly SecretsManagerRequest[];
  /** Puts `interferer` in front of every request from here on; `undefined` takes it away. */
  readonly interfere: (interferer: Interferer | undefined) => void;
};

export type LocalSecretsManagerOptions = {
  /** 0, and so any that is free, if not given. */
  readonly port?: number;
  readonly region?: string;
  readonly accountId?: string;
  readonly now?: () => number;
};

type Call = { readonly action: string; readonly input: Readonly<Record<string, unknown>> };

const MAX_BODY_BYTES = 1_048_576;
const MAX_RECORDED = 10_000;
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=[^/,\s]+\/\d{8}\/[a-z0-9-]+\/secretsmanager\/aws4_request, ?SignedHeaders=[a-z0-9;_-]+, ?Signature=[0-9a-f]{64}$/;

function amzJson(status: number, value: unknown): Answer {
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() },
    body: JSON.stringify(value),
  };
}

/**
 * Returns an error as Secrets Manager sends it, for a test's interference: `DecryptionFailure`,
 * `ThrottlingException`, `InternalServiceError` (with 500), …
 */
export function secretsManagerError(type: string, message: string, status = 400): Answer {
  return { ...amzJson(status, {}), body: JSON.stringify({ __type: type, message, Message: message }) };
}

/** The key is not checked, but no real client comes without a signature, and none of the product's may. */
function authenticationFault(headers: ReceivedHeaders): Answer | undefined {
  const authorization = headerValue(headers, 'authorization');
  if (authorization === undefined) {
    return secretsManagerError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  }
  return AUTHORIZATION.test(authorization) && headers['x-amz-date'] !== undefined
    ? undefined
    : secretsManagerError(
        'UnrecognizedClientException',
        'The security token included in the request is invalid.',
      );
}

function parseInput(body: Buffer): Call['input'] | undefined {
  try {
    const input: unknown = JSON.parse(body.toString('utf8'));
    return typeof input === 'object' && input !== null && !Array.isArray(input) ? { ...input } : undefined;
  } catch {
    return undefined;
  }
}

function act(store: SecretStore, action: string, input: Call['input'] | undefined): Answer {
  const perform = Object.hasOwn(SECRET_ACTIONS, action) ? SECRET_ACTIONS[action] : undefined;
  if (perform === undefined) {
    return secretsManagerError(
      'UnknownOperationException',
      `${action || 'No action'} is not to be had here.`,
    );
  }
  if (input === undefined) {
    return secretsManagerError('SerializationException', 'The body must be a JSON object.');
  }
  const result = perform(store, input);
  return isFault(result) ? secretsManagerError(result.fault, result.message) : amzJson(200, result);
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function orThrow<T extends object>(result: T | SecretFault): T {
  if (isFault(result)) {
    throw new Error(`${result.fault}: ${result.message}`);
  }
  return result;
}

/**
 * Starts a stand-in for Secrets Manager on loopback, which speaks the JSON 1.1 protocol of the real one to the SDKs
 * and the AWS CLI. It wants each request signed, but does not verify by which key.
 *
 * @throws {Error} the listener's own error (`EADDRINUSE`, …)
 */
export async function startSecretsManager(
  options: LocalSecretsManagerOptions = {},
): Promise<LocalSecretsManager> {
  const { port = 0, region = 'eu-west-1', accountId = '123456789012', now = Date.now } = options;
  const store = createSecretStore({ region, accountId, now });
  const requests: SecretsManagerRequest[] = [];
  let interferer: Interferer | undefined;

  function record(request: SecretsManagerRequest): void {
    requests.push(request);
    requests.splice(0, requests.length - MAX_RECORDED);
  }

  async function answer(request: ReceivedRequest): Promise<Answer | 'reset' | 'hang'> {
    const action = (headerValue(request.headers, 'x-amz-target') ?? '').replace(/^secretsmanager\./, '');
    const input = parseInput(request.body);
    const seen = {
      action,
      secretId: textOrNothing(input?.SecretId ?? input?.Name),
      versionStage: textOrNothing(input?.VersionStage),
    };
    const interference = await interferer?.(seen);
    if (typeof interference === 'string') {
      record({ ...seen, status: 0 });
      return interference;
    }
    const made: Answer =
      interference === undefined
        ? (authenticationFault(request.headers) ?? act(store, action, input))
        : { body: '', headers: {}, ...interference };
    record({ ...seen, status: made.status });
    return made;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = guardFault({
      method: request.method ?? '',
      target: request.url ?? '',
      headers: request.headersDistinct,
      port: request.socket.localPort ?? port,
      strict: true,
    });
    const received = fault === undefined ? await receive(request, MAX_BODY_BYTES) : undefined;
    if (received === undefined) {
      send(response, secretsManagerError('InvalidRequestException', fault ?? 'The body is too large.'));
      return;
    }
    const made = await answer(received);
    if (made === 'reset') {
      request.socket.resetAndDestroy();
    } else if (made !== 'hang') {
      send(response, made);
    }
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  const listening = await listen(server, port);
  const find = (name: string): Secret => orThrow(store.find(name));

  return {
    ...listening,
    requests,
    createSecret: (name, value) => orThrow(store.create(name, value)).arn,
    putSecretValue: (name, value) => orThrow(store.put(find(name), value)).id,
    deleteSecret: (name) => store.remove(find(name)),
    interfere: (next) => {
      interferer = next;
    },
  };
}
