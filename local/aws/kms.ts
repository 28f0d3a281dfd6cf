import type { Answer } from './answer.ts';
import { amzJsonError, startJsonApi, textField } from './json-api.ts';
import { orThrow } from './json-fault.ts';
import { createKmsActions } from './kms-actions.ts';
import { createKmsKeys, type KmsKeyState, type NewKmsKey } from './kms-keys.ts';
import type { Listening } from './listen.ts';
import type { Interferer } from './stand-in.ts';

/** One request as the stand-in saw it; no message is ever in it. `status` is 0 where there was no answer. */
export type KmsRequest = {
  readonly action: string;
  readonly keyId: string | undefined;
  /** `RAW` or `DIGEST`, as given. */
  readonly messageType: string | undefined;
  readonly status: number;
};

export type LocalKms = Listening & {
  /** Returns the ARN of a new RSA key of 2,048 bits, for signing if not said otherwise. */
  readonly createKey: (options?: NewKmsKey) => Promise<string>;
  /** Gives a key a name that begins with `alias/`. @throws {Error} if the name is taken or none, or there is no such key */
  readonly createAlias: (name: string, keyId: string) => void;
  /** @throws {Error} if there is no such key */
  readonly setKeyState: (keyId: string, state: KmsKeyState) => void;
  /** The last 10,000 requests, in the order of their answers. */
  readonly requests: readonly KmsRequest[];
  /** Puts `interferer` in front of every request from here on; `undefined` takes it away. */
  readonly interfere: (interferer: Interferer<Omit<KmsRequest, 'status'>> | undefined) => void;
  /** Makes the server go by the host of `origin` too, as that of a proxy in front of it. */
  readonly alsoKnownAs: (origin: string) => void;
};

export type LocalKmsOptions = {
  /** 0, and so any that is free, if not given. */
  readonly port?: number;
  readonly region?: string;
  readonly accountId?: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
};

/**
 * Returns an error as KMS sends it, for a test's interference: `AccessDeniedException`, `ThrottlingException`,
 * `KMSInternalException` (with 500), …
 */
export function kmsError(type: string, message: string, status = 400): Answer {
  return amzJsonError(type, message, status);
}

/**
 * Starts a stand-in for KMS on loopback, which makes RSA keys and signs with them, in the JSON 1.1 protocol of the
 * real one. It wants each request signed, but does not verify by which key; whom a key policy keeps out is for a test
 * to say, by interference.
 *
 * @throws {Error} the listener's own error (`EADDRINUSE`, …)
 */
export async function startKms(options: LocalKmsOptions = {}): Promise<LocalKms> {
  const { port = 0, region = 'eu-west-1', accountId = '123456789012', now = Date.now } = options;
  const keys = createKmsKeys({ region, accountId, now });
  const {
    url,
    port: bound,
    close,
    requests,
    interfere,
    alsoKnownAs,
  } = await startJsonApi({
    port,
    service: 'kms',
    targetPrefix: 'TrentService',
    actions: createKmsActions(keys, accountId),
    subject: (input) => ({
      keyId: textField(input, 'KeyId') ?? textField(input, 'TargetKeyId'),
      messageType: textField(input, 'MessageType'),
    }),
    unreadable: 'ValidationException',
  });

  return {
    url,
    port: bound,
    close,
    requests,
    interfere,
    alsoKnownAs,
    createKey: async (newKey) => (await keys.create(newKey)).arn,
    createAlias: (name, keyId) => {
      orThrow(keys.alias(name, orThrow(keys.find(keyId))) ?? {});
    },
    setKeyState: (keyId, state) => {
      orThrow(keys.find(keyId)).state = state;
    },
  };
}
