/** The authorization of a connection as a template and EventBridge's API have it, with its secret in it. */
export type ConnectionAuthorization = {
  readonly AuthorizationEndpoint: string;
  readonly HttpMethod: string;
  readonly ClientParameters: { readonly ClientID: string; readonly ClientSecret: string };
  readonly OAuthHttpParameters?: {
    readonly BodyParameters?: readonly { readonly Key: string; readonly Value: string }[];
  };
};

/** A request as an API destination or an HTTP task makes it; it may not bring an `Authorization` of its own. */
export type ConnectionRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

export type ConnectionAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** An EventBridge connection: what it calls, it calls with its token. */
export type LocalConnection = {
  /** Calls an endpoint one time. @throws {ConnectionError} if the connection cannot be authorized */
  readonly call: (request: ConnectionRequest) => Promise<ConnectionAnswer>;
  /** How often it has asked for a token. */
  readonly authorizations: () => number;
};

export type LocalConnectionOptions = {
  /** Returns its definition as it is now. */
  readonly authorization: () => ConnectionAuthorization;
  /** How it shows its secret; AWS does not say, and both are in use. */
  readonly clientAuthentication?: 'form' | 'basic';
  readonly now?: () => number;
};

/** The connection could not be authorized. It says what EventBridge would: nothing of the secret or the answer. */
export class ConnectionError extends Error {
  constructor(status: number) {
    super(`The connection is not authorized: its authorization endpoint answered ${status}.`);
    this.name = 'Events.ConnectionResource.AuthorizationFailed';
  }
}

const REFRESH_BEFORE_END_MS = 60_000;
const TIMEOUT_MS = 10_000;
/** EventBridge takes a token without an end for good until it is refused. */
const NO_END_MS = Number.POSITIVE_INFINITY;

type Held = { readonly token: string; readonly endsAtMs: number };

function encodeForBasic(text: string): string {
  return new URLSearchParams({ _: text }).toString().slice(2);
}

async function authorize(
  authorization: ConnectionAuthorization,
  method: 'form' | 'basic',
  nowMs: number,
): Promise<Held> {
  const { ClientID, ClientSecret } = authorization.ClientParameters;
  const parameters = authorization.OAuthHttpParameters?.BodyParameters ?? [];
  const form = new URLSearchParams(parameters.map(({ Key, Value }): [string, string] => [Key, Value]));
  if (method === 'form') {
    form.set('client_id', ClientID);
    form.set('client_secret', ClientSecret);
  }
  const pair = `${encodeForBasic(ClientID)}:${encodeForBasic(ClientSecret)}`;
  const response = await fetch(authorization.AuthorizationEndpoint, {
    method: authorization.HttpMethod,
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: method === 'basic' ? { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } : {},
    body: form,
  });
  const answer = (await response.json().catch(() => ({}))) as {
    access_token?: unknown;
    expires_in?: unknown;
  };
  if (response.status !== 200 || typeof answer.access_token !== 'string') {
    throw new ConnectionError(response.status);
  }
  const seconds = Number(answer.expires_in);
  return {
    token: answer.access_token,
    endsAtMs: Number.isFinite(seconds) ? nowMs + seconds * 1_000 : NO_END_MS,
  };
}

/**
 * Returns a stand-in for an EventBridge connection of the type OAuth. It asks for a token when it needs one, again when that is
 * within 60 seconds of its end, and again after an answer of 401 or 407: for the next call, as EventBridge does.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-auth.html
 */
export function createLocalConnection(options: LocalConnectionOptions): LocalConnection {
  const { authorization, clientAuthentication = 'form', now = Date.now } = options;
  let held: Held | undefined;
  let authorizations = 0;

  const currentToken = async (): Promise<string> => {
    if (held === undefined || held.endsAtMs - now() < REFRESH_BEFORE_END_MS) {
      authorizations += 1;
      held = await authorize(authorization(), clientAuthentication, now());
    }
    return held.token;
  };

  return {
    authorizations: () => authorizations,
    call: async ({ method, url, headers = {}, body }) => {
      if (Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')) {
        throw new Error("The 'Headers' field contains unsupported values: [authorization]");
      }
      const response = await fetch(url, {
        method,
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: { ...headers, authorization: `Bearer ${await currentToken()}` },
        ...(body !== undefined && { body }),
      });
      if (response.status === 401 || response.status === 407) {
        held = undefined;
      }
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: await response.text(),
      };
    },
  };
}
