/** What of a client of google-auth-library, of whichever version, goes out to the libraries that use it. */
type HeaderClient = {
  getRequestHeaders: (url?: string) => Promise<unknown>;
  request: (options: unknown) => Promise<unknown>;
};

type Response = { readonly headers?: unknown };
type Callback = (error: unknown, response?: unknown) => void;

type Entries = Iterable<readonly [string, unknown]>;

/** Node's own, or those of a package that stands in for it: from version 10 on, answers have such. */
function isHeaders(value: unknown): value is Headers {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && 'get' in value;
}

function entriesOf(headers: unknown): readonly (readonly [string, string])[] {
  const entries: Entries = isHeaders(headers) ? headers : Object.entries(headers ?? {});
  return [...entries].map(([name, value]) => [name.toLowerCase(), String(value)] as const);
}

/** Gives `headers` each of its entries as a property too, but for those that would stand in the way of its methods. */
function withProperties(headers: Headers): Headers {
  for (const [name, value] of entriesOf(headers)) {
    if (!(name in headers) || Object.hasOwn(headers, name)) {
      Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
    }
  }
  return headers;
}

/**
 * Returns headers that libraries of both generations can read: a `Headers`, as google-auth-library hands out from version 10
 * on, which has its entries as properties too, as before. gRPC copies the properties, and so must find each name once; only
 * `Authorization`, as users of version 9 spell it, is there unseen.
 *
 * @see https://github.com/grpc/grpc-node/issues/2993
 */
export function bothHeaders(given: unknown): Headers {
  const headers = withProperties(new Headers(entriesOf(given).map(([name, value]) => [name, value])));
  Object.defineProperty(headers, 'Authorization', {
    value: headers.get('authorization') ?? undefined,
    enumerable: false,
  });
  return headers;
}

/** A body may be read but once, so that the answer stays the one that it is, and only its headers are made readable. */
function bothResponse(response: unknown): unknown {
  const { headers } = (response ?? {}) as Response;
  if (isHeaders(headers)) {
    withProperties(headers);
  }
  return response;
}

/** What the libraries of version 10 and later call, and clients of version 9 do not have. */
function fetchWith(getRequestHeaders: () => Promise<Headers>): typeof fetch {
  return async (input, init = {}) => {
    const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : {}));
    for (const [name, value] of await getRequestHeaders()) {
      headers.set(name, value);
    }
    return await fetch(input, { ...init, headers });
  };
}

/**
 * Returns the client, whose headers, those of its requests and those of their answers, can be read by libraries that are
 * built on another generation of google-auth-library than the client is.
 */
export function withBothHeaders<Client extends object>(client: Client): Client {
  const speaker = client as unknown as HeaderClient;
  const getRequestHeaders = speaker.getRequestHeaders.bind(client);
  const request = speaker.request.bind(client);
  const bothRequestHeaders = async (url?: string) => bothHeaders(await getRequestHeaders(url));
  return Object.assign(client, {
    ...('fetch' in client ? {} : { fetch: fetchWith(bothRequestHeaders) }),
    getRequestHeaders: bothRequestHeaders,
    request: (options: unknown, callback?: Callback) => {
      const answered = request(options).then(bothResponse);
      if (callback === undefined) {
        return answered;
      }
      answered.then(
        (response) => callback(null, response),
        (error: unknown) => callback(error, (error as { readonly response?: unknown }).response),
      );
      return undefined;
    },
  });
}
