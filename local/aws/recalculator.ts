import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import {
  ALGORITHM_IDENTIFIER,
  createScope,
  getCanonicalHeaders,
  SignatureV4,
  type SignatureV4Init,
} from '@smithy/signature-v4';
import { headerValue, type ReceivedRequest } from './received-request.ts';
import type { ClaimedSignature, Query } from './signed-request.ts';

/** The signer makes its hashes with `new`, so this one has to be a class. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', asBytes(secret));
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error('A hash is used once');
  }
}

function asBytes(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') {
    return Buffer.from(data);
  }
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** Returns the time that an `X-Amz-Date` names. */
export function dateOf(amzDate: string): Date {
  return new Date(amzDate.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

/**
 * Calculates the signature that a request should have. A class, because the signer keeps its steps to subclasses; taken
 * one by one they serve the header and the query form alike.
 */
export class Recalculator extends SignatureV4 {
  constructor(options: SignatureV4Init) {
    super({ ...options, sha256: Sha256 });
  }

  /** Resolves to 64 lower-case hexadecimal digits, for the date, scope and signed headers that `claim` names. */
  async recalculate(request: ReceivedRequest, query: Query, claim: ClaimedSignature): Promise<string> {
    const signed = new Set(claim.signedHeaders);
    const headers = Object.fromEntries(
      claim.signedHeaders.map((name) => [name, headerValue(request.headers, name) ?? '']),
    );
    const message = {
      method: request.method,
      path: request.path,
      query,
      headers,
      protocol: 'http:',
      hostname: '',
    };
    const canonical = this.createCanonicalRequest(
      { ...message, query: { ...query } },
      getCanonicalHeaders(message, undefined, signed),
      createHash('sha256').update(request.body).digest('hex'),
    );
    const scope = createScope(claim.scopeDate, claim.region, claim.service);
    const toSign = await this.createStringToSign(claim.date, scope, canonical, ALGORITHM_IDENTIFIER);
    return this.sign(toSign, { signingDate: dateOf(claim.date) });
  }
}
