import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Answer, jsonAnswer, send } from './answer.ts';
import { guardFault } from './guard.ts';
import { createHttpApi, HTTP_API_MAX_BODY_BYTES } from './http-api.ts';
import { createInvoker, type Handler } from './invoker.ts';
import { createLambdaApi, LAMBDA_API_PREFIX, LAMBDA_MAX_PAYLOAD_BYTES, lambdaError } from './lambda-api.ts';
import { type Listening, listen } from './listen.ts';
import { type ReceivedRequest, receive } from './received-request.ts';
import { createSignatureVerifier, type LocalCredential } from './sigv4.ts';

export type LocalAwsOptions = {
  /** 0 for any that is free. */
  readonly port: number;
  readonly handler: Handler;
  /** The function behind `POST /oauth/token`; there is no such route without it. */
  readonly oauth?: Handler;
  /** The profiles' names. */
  readonly profiles: readonly string[];
  /** Aliases of the function that no route leads to; none if not given. */
  readonly otherAliases?: readonly string[];
  readonly functionName: string;
  readonly region: string;
  /** Twelve digits. */
  readonly accountId: string;
  /** Who may sign. Where signatures are not required, an unsigned request is taken to be from the first of them. */
  readonly credentials: readonly [LocalCredential, ...LocalCredential[]];
  /** Whether unsigned requests are refused. What is signed wrongly always is. */
  readonly requireSignature: boolean;
  /** The function's timeout. */
  readonly timeoutMs: number;
  /** What the function is told of its memory; 256 if not given. */
  readonly memoryMB?: number;
  /** Invocations at one time; 1,000 if not given, as an AWS account has. */
  readonly maxConcurrent?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Hears of each refusal and failure: one line, without query, header or body. */
  readonly log?: (line: string) => void;
};

/** One of the two APIs behind the port. */
type Api = {
  readonly maxBodyBytes: number;
  readonly tooLarge: Answer;
  readonly serve: (request: ReceivedRequest) => Promise<Answer>;
};

function createApis(options: LocalAwsOptions): (path: string) => Api {
  const { credentials, region, accountId, functionName, profiles, requireSignature, timeoutMs } = options;
  const { now = Date.now, log = () => {}, memoryMB = 256, maxConcurrent = 1_000 } = options;
  const functionArn = `arn:aws:lambda:${region}:${accountId}:function:${functionName}`;
  const invokerFor = (handler: Handler, arn: string) =>
    createInvoker({ handler, functionArn: arn, timeoutMs, memoryMB, maxConcurrent, now });
  const invoke = invokerFor(options.handler, functionArn);
  const oauth = options.oauth && invokerFor(options.oauth, `${functionArn}-oauth`);
  const verifierFor = (service: 'execute-api' | 'lambda') =>
    createSignatureVerifier({ credentials, region, service, now });
  const lambda: Api = {
    maxBodyBytes: LAMBDA_MAX_PAYLOAD_BYTES,
    tooLarge: lambdaError(
      413,
      'RequestTooLargeException',
      `Request must be smaller than ${LAMBDA_MAX_PAYLOAD_BYTES} bytes for the InvokeFunction operation`,
    ),
    serve: createLambdaApi({
      invoke,
      verify: verifierFor('lambda'),
      functionName,
      region,
      accountId,
      aliases: [...profiles, ...(options.otherAliases ?? [])],
      requireSignature,
      log,
    }),
  };
  const http: Api = {
    maxBodyBytes: HTTP_API_MAX_BODY_BYTES,
    tooLarge: jsonAnswer(413, { message: 'Request Entity Too Large' }),
    serve: createHttpApi({
      invoke,
      oauth,
      verify: verifierFor('execute-api'),
      profiles,
      unsignedCaller: requireSignature ? undefined : credentials[0],
      accountId,
      region,
      now,
    }),
  };
  return (path) => (path.startsWith(LAMBDA_API_PREFIX) ? lambda : http);
}

/** What the log says of an answer: enough to find the cause, nothing that could be a secret. */
function describe(request: IncomingMessage, { status, headers }: Answer): string {
  const path = (request.url ?? '').split('?')[0] ?? '';
  const reason = headers['x-local-reason'] ?? headers['x-amzn-errortype'];
  return `${status} ${request.method} ${path}${reason === undefined ? '' : `: ${reason}`}`;
}

/**
 * Serves the function on loopback behind the two doors that AWS has for it, on one port: the HTTP API and Lambda's
 * Invoke API. What a browser sends for a page is kept out of both.
 *
 * Resolves when it listens; `close` ends every connection.
 *
 * @throws {Error} the listener's own error (`EADDRINUSE`, …)
 */
export async function startAws(options: LocalAwsOptions): Promise<Listening> {
  const { log = () => {} } = options;
  const apiFor = createApis(options);

  async function answer(request: IncomingMessage): Promise<Answer> {
    const target = request.url ?? '';
    const fault = guardFault({
      method: request.method ?? '',
      target,
      headers: request.headersDistinct,
      port: request.socket.localPort ?? options.port,
      strict: options.requireSignature,
    });
    if (fault !== undefined) {
      return jsonAnswer(403, { message: fault });
    }
    const api = apiFor(target);
    const received = await receive(request, api.maxBodyBytes);
    return received === undefined ? api.tooLarge : api.serve(received);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const made = await answer(request);
      if (made.status >= 400) {
        log(describe(request, made));
      }
      send(response, made);
    } catch (error) {
      // A client that went away in the middle of its body, most likely: there is nobody to answer.
      log(`no answer to ${request.method}: ${error instanceof Error ? error.name : typeof error}`);
      response.destroy();
    }
  }

  const server = createServer(
    { maxHeaderSize: 16_384, connectionsCheckingInterval: 5_000 },
    (request, response) => {
      void serve(request, response);
    },
  );
  return listen(server, options.port);
}
