import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { AwsV4Signer } from 'aws4fetch';
import { type LocalAwsOptions, startAws } from '../local/aws/front.ts';
import type { Handler, LambdaContext } from '../local/aws/invoker.ts';
import type { Listening } from '../local/aws/listen.ts';
import type { LocalCredential } from '../local/aws/sigv4.ts';

export const REGION = 'eu-west-1';
export const ACCOUNT = '123456789012';

export const USER: LocalCredential = {
  accessKeyId: 'AKIALOCALUSER00000001',
  secretAccessKey: 'local/Secret+of/the+user0000000000000001',
  principalArn: `arn:aws:iam::${ACCOUNT}:user/developer`,
};

export const SESSION: LocalCredential = {
  accessKeyId: 'ASIALOCALROLE00000001',
  secretAccessKey: 'local/Secret+of/the+role0000000000000001',
  sessionToken: 'local//session+token==',
  principalArn: `arn:aws:sts::${ACCOUNT}:assumed-role/reporter/monday`,
};

/** What the function of the rig was called with. */
export type Invocation = { readonly event: Record<string, unknown>; readonly context: LambdaContext };

export type Rig = Listening & {
  readonly invocations: readonly Invocation[];
  readonly lines: readonly string[];
};

/** Starts the local AWS around `handler`, or around one that answers 200 with nothing in particular. */
export async function startRig(options: Partial<LocalAwsOptions> = {}): Promise<Rig> {
  const invocations: Invocation[] = [];
  const lines: string[] = [];
  const handler: Handler = options.handler ?? (async () => ({ statusCode: 200, body: 'vended' }));
  const aws = await startAws({
    port: 0,
    profiles: ['default', 'reports'],
    functionName: 'vendor',
    region: REGION,
    accountId: ACCOUNT,
    credentials: [USER, SESSION],
    requireSignature: true,
    timeoutMs: 5_000,
    log: (line) => lines.push(line),
    ...options,
    handler: async (event, context) => {
      invocations.push({ event: event as Record<string, unknown>, context });
      return handler(event, context);
    },
  });
  return { ...aws, invocations, lines };
}

/** A request to the last letter: no client between it and the wire adds or normalizes anything. */
export type Message = {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
};

export type Reply = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string };

/** Sends `message` to a server on loopback and returns what it answers. */
export async function sendMessage(server: Listening, message: Message): Promise<Reply> {
  const { method, target, headers, body = '' } = message;
  const length = method === 'GET' && body.length === 0 ? {} : { 'content-length': Buffer.byteLength(body) };
  const outgoing = request({
    host: '127.0.0.1',
    port: server.port,
    method,
    path: target,
    headers: {
      host: `127.0.0.1:${server.port}`,
      ...length,
      ...Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [
          name,
          typeof value === 'string' ? value : [...value],
        ]),
      ),
    },
    agent: false,
    timeout: 10_000,
  });
  outgoing.end(body);
  const [response] = await once(outgoing, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    chunks.push(chunk);
  }
  return {
    status: response.statusCode,
    headers: response.headers,
    body: Buffer.concat(chunks).toString('utf8'),
  };
}

export type SigningOptions = {
  readonly credential?: LocalCredential;
  readonly service?: string;
  readonly region?: string;
  /** Milliseconds since the epoch; now, if not given. */
  readonly signedAtMs?: number;
  /** Presigned in the query, good for so many seconds. */
  readonly expiresInSeconds?: number;
  readonly origin?: string;
};

/** Returns `message` signed by aws4fetch, for the host that `origin` names. */
export async function signMessage(
  origin: string,
  message: Message,
  options: SigningOptions = {},
): Promise<Message> {
  const { credential = USER, service = 'execute-api', region = REGION, expiresInSeconds } = options;
  const datetime = new Date(options.signedAtMs ?? Date.now()).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const url = new URL(`${origin}${message.target}`);
  if (expiresInSeconds !== undefined) {
    url.searchParams.set('X-Amz-Expires', String(expiresInSeconds));
  }
  const signer = new AwsV4Signer({
    method: message.method,
    url: url.href,
    headers: Object.entries(message.headers).map(([name, value]): [string, string] => [name, String(value)]),
    ...(message.body === undefined ? {} : { body: message.body }),
    accessKeyId: credential.accessKeyId,
    secretAccessKey: credential.secretAccessKey,
    ...(credential.sessionToken === undefined ? {} : { sessionToken: credential.sessionToken }),
    service,
    region,
    datetime,
    signQuery: expiresInSeconds !== undefined,
  });
  const signed = await signer.sign();
  return {
    ...message,
    target: `${signed.url.pathname}${signed.url.search}`,
    headers: Object.fromEntries(new Headers(signed.headers)),
  };
}
