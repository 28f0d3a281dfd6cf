import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { Network, Post, PostResponse } from '../lambda/google/post.ts';

/** What Google was sent. */
export type FakeExchange = {
  readonly assertion: string;
  readonly keyId: string | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
};

/** A Google without a wire: it grants what it is asked for, unless a test has it do something else. */
export type FakeGoogle = {
  readonly network: Network;
  /** Every exchange so far. */
  readonly exchanges: readonly FakeExchange[];
  /** Answers in Google's place from here on, as long as it returns something. */
  readonly interfere: (
    interferer: (exchange: FakeExchange) => PostResponse | Promise<PostResponse> | undefined,
  ) => void;
};

const TOLERANCE_SECONDS = 300;

/** Returns an answer of Google's. */
export function googleAnswer(
  status: number,
  body: unknown,
  headers: PostResponse['headers'] = {},
): PostResponse {
  return { status, headers, body: JSON.stringify(body) };
}

/** Returns a refusal of an assertion in Google's words. */
export function googleRefusal(description: string): PostResponse {
  return googleAnswer(400, { error: 'invalid_grant', error_description: description });
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Returns a Google whose clock is `now`; like the real one, it accepts assertions that are 5 minutes off at the most. */
export function createFakeGoogle({ now = Date.now }: { readonly now?: () => number } = {}): FakeGoogle {
  const exchanges: FakeExchange[] = [];
  let interferer: Parameters<FakeGoogle['interfere']>[0] = () => undefined;

  const grant = ({ claims }: FakeExchange): PostResponse => {
    const seconds = Math.floor(now() / 1000);
    const { iat = 0, exp = 0 } = claims as { iat?: number; exp?: number };
    if (iat > seconds + TOLERANCE_SECONDS || exp < seconds) {
      return googleRefusal(
        'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.',
      );
    }
    const serial = exchanges.length;
    const { target_audience: aud, scope } = claims;
    return typeof aud === 'string'
      ? googleAnswer(200, {
          id_token: `${part({ alg: 'RS256' })}.${part({ aud, exp: seconds + 3600, serial })}.c2ln`,
        })
      : googleAnswer(200, {
          access_token: `ya29.${serial}.${part({ scope })}`,
          expires_in: 3599,
          token_type: 'Bearer',
        });
  };

  const post: Post = async (_url, form) => {
    const assertion = 'assertion' in form ? String(form.assertion) : '';
    const exchange = { assertion, keyId: decodeProtectedHeader(assertion).kid, claims: decodeJwt(assertion) };
    exchanges.push(exchange);
    const answer = (await interferer(exchange)) ?? grant(exchange);
    return { ...answer, headers: { date: new Date(now()).toUTCString(), ...answer.headers } };
  };

  return {
    network: { post, connectAhead: () => {}, close: () => {} },
    exchanges,
    interfere: (next) => {
      interferer = next;
    },
  };
}
