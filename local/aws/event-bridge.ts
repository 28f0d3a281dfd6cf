import { type JsonFields, startJsonApi, textField } from './json-api.ts';
import type { StandIn } from './stand-in.ts';

/** One request as the stand-in saw it; no secret is ever in it. `status` is 0 where there was no answer. */
export type EventBridgeRequest = { readonly action: string; readonly connection: string | undefined };

export type LocalEventBridge = StandIn<EventBridgeRequest> & {
  /** Makes a connection. @throws {Error} if the name is taken */
  readonly createConnection: (name: string, authParameters: JsonFields) => void;
  /** Returns what a connection authorizes with now. @throws {Error} if there is none of that name */
  readonly authParametersOf: (name: string) => JsonFields;
};

const NAME = /^[.\-_A-Za-z0-9]{1,64}$/;

/**
 * Starts a stand-in for EventBridge's API on loopback, as far as connections are given new secrets by it.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_UpdateConnection.html
 */
export async function startEventBridge(): Promise<LocalEventBridge> {
  const connections = new Map<string, JsonFields>();

  const updateConnection = (input: JsonFields) => {
    const name = textField(input, 'Name') ?? '';
    if (!connections.has(name)) {
      return { fault: 'ResourceNotFoundException', message: `Connection ${name} does not exist.` };
    }
    const { AuthParameters: given } = input;
    if (typeof given === 'object' && given !== null) {
      connections.set(name, { ...given });
    }
    return { ConnectionState: 'AUTHORIZING' };
  };

  const standIn = await startJsonApi({
    port: 0,
    service: 'events',
    targetPrefix: 'AWSEvents',
    actions: new Map([['UpdateConnection', updateConnection]]),
    subject: (input) => ({ connection: textField(input, 'Name') }),
    unreadable: 'SerializationException',
  });

  return {
    ...standIn,
    createConnection: (name, authParameters) => {
      if (!NAME.test(name) || connections.has(name)) {
        throw new Error(`A connection cannot have the name ${name}`);
      }
      connections.set(name, authParameters);
    },
    authParametersOf: (name) => {
      const parameters = connections.get(name);
      if (parameters === undefined) {
        throw new Error(`There is no connection ${name}`);
      }
      return parameters;
    },
  };
}
