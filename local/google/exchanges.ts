import type { Reply } from './route.ts';

const MAX_EXCHANGES = 10_000;

/** What a request to the token endpoint, STS or IAM Credentials asked for, as it said itself: nothing of this is verified, and no token is in it. */
export type Asked = {
  readonly path: string;
  readonly grantType: string | undefined;
  readonly issuer: string | undefined;
  readonly subject: string | undefined;
  readonly keyId: string | undefined;
  readonly scope: string | undefined;
  readonly targetAudience: string | undefined;
};

/** Such a request and how it was answered. */
export type Exchange = Asked & {
  readonly status: number | 'reset' | 'hang';
  /** Google's `error`, of a refusal; of IAM Credentials' the `status`. */
  readonly error: string | undefined;
};

/** Decides in Google's place what to answer; `undefined` lets Google answer. A promise delays the answer until it is settled. */
export type Interference = (asked: Asked) => Reply | undefined | Promise<Reply | undefined>;

export type Exchanges = {
  readonly list: readonly Exchange[];
  readonly record: (asked: Asked, reply: Reply) => void;
};

function errorOf(reply: Reply): string | undefined {
  const body = typeof reply === 'object' ? reply.body : undefined;
  const error = typeof body === 'object' && 'error' in body ? body.error : undefined;
  if (typeof error === 'object' && error !== null && 'status' in error) {
    return typeof error.status === 'string' ? error.status : undefined;
  }
  return typeof error === 'string' ? error : undefined;
}

/** Returns an empty record of exchanges; past ten thousand the oldest goes. */
export function createExchanges(): Exchanges {
  const list: Exchange[] = [];
  return {
    list,
    record: (asked, reply) => {
      if (list.length >= MAX_EXCHANGES) {
        list.shift();
      }
      list.push({
        ...asked,
        status: typeof reply === 'object' ? reply.status : reply,
        error: errorOf(reply),
      });
    },
  };
}
