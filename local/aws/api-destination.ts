import type { ConnectionAnswer, LocalConnection } from './connection.ts';

/** An API destination as a template has it. */
export type ApiDestinationDefinition = { readonly InvocationEndpoint: string; readonly HttpMethod: string };

export type ApiDestinationOptions = {
  readonly definition: ApiDestinationDefinition;
  readonly connection: LocalConnection;
  /** Returns where a URL is to be found here. */
  readonly locate: (url: URL) => URL;
  /** How often an event is tried again; EventBridge's own is 185. */
  readonly maximumRetryAttempts?: number;
};

/** What EventBridge takes for worth another try. */
function deservesRetry(status: number): boolean {
  return [401, 407, 409, 429].includes(status) || status >= 500;
}

/**
 * Returns what delivers events to an API destination, and the answer to the last try.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
 */
export function createApiDestination({
  definition,
  connection,
  locate,
  maximumRetryAttempts = 2,
}: ApiDestinationOptions): (event: object) => Promise<ConnectionAnswer> {
  const { InvocationEndpoint, HttpMethod } = definition;
  const tryOnce = (event: object) =>
    connection.call({
      method: HttpMethod,
      url: locate(new URL(InvocationEndpoint)).href,
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(event),
    });

  return async (event) => {
    let answer = await tryOnce(event);
    for (let retry = 0; deservesRetry(answer.status) && retry < maximumRetryAttempts; retry += 1) {
      answer = await tryOnce(event);
    }
    return answer;
  };
}
