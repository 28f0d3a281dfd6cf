import { type ConnectionAnswer, ConnectionError, type LocalConnection } from './connection.ts';

/** The parameters of a state whose resource is `arn:aws:states:::http:invoke`. */
export type HttpTaskInput = {
  readonly ApiEndpoint: string;
  readonly Authentication: { readonly ConnectionArn: string };
  readonly Method: string;
  readonly Headers?: Readonly<Record<string, string>>;
  readonly QueryParameters?: Readonly<Record<string, string>>;
  readonly RequestBody?: unknown;
};

/** What such a state results in. */
export type HttpTaskOutput = {
  readonly Headers: Readonly<Record<string, readonly string[]>>;
  readonly ResponseBody: unknown;
  readonly StatusCode: number;
};

export type HttpTaskOptions = {
  /** Returns the connection of an ARN. */
  readonly connection: (arn: string) => LocalConnection;
  /** Returns where a URL is to be found here. */
  readonly locate: (url: URL) => URL;
};

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

function bodyOf({ headers, body }: ConnectionAnswer): unknown {
  return headers['content-type']?.includes('json') ? JSON.parse(body) : body;
}

function endpointOf({ ApiEndpoint, QueryParameters = {} }: HttpTaskInput): URL {
  const url = new URL(ApiEndpoint);
  for (const [name, value] of Object.entries(QueryParameters)) {
    url.searchParams.set(name, value);
  }
  return url;
}

/**
 * Returns what runs an HTTP task of Step Functions here, over a connection. What it calls it calls with the connection's token,
 * which is no part of its input, its output or its errors.
 *
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html
 */
export function createHttpTask({
  connection,
  locate,
}: HttpTaskOptions): (input: HttpTaskInput) => Promise<HttpTaskOutput> {
  return async (input) => {
    const { Method, Headers = {}, RequestBody } = input;
    const hasBody = RequestBody !== undefined;
    const answer = await connection(input.Authentication.ConnectionArn)
      .call({
        method: Method,
        url: locate(endpointOf(input)).href,
        headers: { ...(hasBody && { 'content-type': 'application/json' }), ...Headers },
        ...(hasBody && { body: JSON.stringify(RequestBody) }),
      })
      .catch((error: unknown) => {
        throw error instanceof ConnectionError ? error : named('States.Http.Socket', 'The call broke off.');
      });
    if (answer.status >= 400) {
      throw named(`States.Http.StatusCode.${answer.status}`, answer.body);
    }
    return {
      Headers: Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, [value]])),
      ResponseBody: bodyOf(answer),
      StatusCode: answer.status,
    };
  };
}
