import { createHash, timingSafeEqual } from 'node:crypto';
import { dateOf, Recalculator } from './recalculator.ts';
import { headerValue, type ReceivedRequest } from './received-request.ts';
import { type ClaimedSignature, isSigned, parseQuery, type Query, readClaim } from './signed-request.ts';

/** A key pair that the local AWS knows, and who signs with it. */
export type LocalCredential = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** For temporary credentials: every request must carry it. */
  readonly sessionToken?: string;
  /** For example `arn:aws:iam::123456789012:user/developer`. */
  readonly principalArn: string;
};

/** A refusal by the name and in the words of AWS; `hint` is for the developer in front of the screen. */
export type Refusal = {
  readonly kind: 'refused';
  readonly type:
    | 'IncompleteSignatureException'
    | 'InvalidSignatureException'
    | 'UnrecognizedClientException'
    | 'MissingAuthenticationTokenException';
  readonly message: string;
  readonly hint?: string;
};

export type Verdict =
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'verified'; readonly credential: LocalCredential }
  | Refusal;

/** Judges the signature of one request. It never throws. */
export type SignatureVerifier = (request: ReceivedRequest) => Promise<Verdict>;

export type SignatureVerifierOptions = {
  readonly credentials: readonly LocalCredential[];
  readonly region: string;
  /** The service that the credential scope has to name. */
  readonly service: 'execute-api' | 'lambda' | 'sts';
  readonly now: () => number;
};

const SKEW_MS = 300_000;
const UNKNOWN_TOKEN = 'The security token included in the request is invalid.';
const MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';

function amzDateOf(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function equal(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

function refuse(type: Refusal['type'], message: string, hint?: string): Refusal {
  return { kind: 'refused', type, message, ...(hint === undefined ? {} : { hint }) };
}

function scopeFault(claim: ClaimedSignature, region: string, service: string): Refusal | undefined {
  if (claim.region !== region) {
    return refuse(
      'InvalidSignatureException',
      `Credential should be scoped to a valid region, not '${claim.region}'.`,
    );
  }
  if (claim.service !== service) {
    return refuse(
      'InvalidSignatureException',
      `Credential should be scoped to correct service: '${service}'.`,
    );
  }
  return claim.date.startsWith(claim.scopeDate)
    ? undefined
    : refuse(
        'InvalidSignatureException',
        `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${claim.scopeDate}' != '${claim.date.slice(0, 8)}'.`,
      );
}

function timeFault(claim: ClaimedSignature, nowMs: number): Refusal | undefined {
  const signedMs = dateOf(claim.date).getTime();
  if (Number.isNaN(signedMs)) {
    return refuse('IncompleteSignatureException', 'X-Amz-Date is no date.');
  }
  if (signedMs > nowMs + SKEW_MS) {
    const latest = `${amzDateOf(nowMs + SKEW_MS)} (${amzDateOf(nowMs)} + 5 min.)`;
    return refuse(
      'InvalidSignatureException',
      `Signature not yet current: ${claim.date} is still later than ${latest}`,
    );
  }
  const lifeMs = claim.expiresInSeconds === undefined ? SKEW_MS : claim.expiresInSeconds * 1000;
  if (signedMs < nowMs - lifeMs) {
    const earliest = `${amzDateOf(nowMs - lifeMs)} (${amzDateOf(nowMs)} - ${lifeMs / 60_000} min.)`;
    return refuse(
      'InvalidSignatureException',
      `Signature expired: ${claim.date} is now earlier than ${earliest}`,
    );
  }
  return undefined;
}

/** AWS wants `host` and every `x-amz-*` header signed: what is not can be changed on the way. */
function unsignedHeader({ headers }: ReceivedRequest, claim: ClaimedSignature): string | undefined {
  const names = Object.keys(headers).filter((name) => name.startsWith('x-amz-'));
  return ['host', ...names].find((name) => !claim.signedHeaders.includes(name));
}

function payloadFault({ headers, body }: ReceivedRequest, query: Query): Refusal | undefined {
  const given = headerValue(headers, 'x-amz-content-sha256') ?? query['X-Amz-Content-Sha256'];
  const hash = createHash('sha256').update(body).digest('hex');
  return given === undefined || given === hash
    ? undefined
    : refuse(
        'InvalidSignatureException',
        MISMATCH,
        given === 'UNSIGNED-PAYLOAD'
          ? 'an unsigned payload is not accepted here'
          : 'x-amz-content-sha256 is not the SHA-256 of the body',
      );
}

/** The signer leaves these parameters out of what it signs, so they could be changed behind the signature. */
function isLostBySigner(name: string): boolean {
  return name === '__proto__' || (name !== 'X-Amz-Signature' && name.toLowerCase() === 'x-amz-signature');
}

/** What most often goes wrong with a good key: some signers sign the query as they were given it. */
function mismatchHint({ query }: ReceivedRequest): string | undefined {
  const names = query.split('&').map((pair) => pair.split('=')[0] ?? '');
  if (/[^A-Za-z0-9_.~%&=-]/.test(query)) {
    return 'the query has characters that are not percent-encoded, which curl and botocore sign wrongly: write audience=https%3A%2F%2F...';
  }
  return names.join('&') === [...names].sort().join('&')
    ? undefined
    : 'the query parameters are not sorted by name, which curl signs wrongly';
}

/**
 * Returns what verifies AWS Signature Version 4, in the Authorization header or presigned in the query, as AWS does:
 * the signature is calculated anew from the request as received and compared in constant time; the scope must be of
 * this region and service, the date within five minutes (or the presigned life), `host` and all `x-amz-*` headers
 * signed, the body the one that was hashed, and the session token the credential's.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function createSignatureVerifier(options: SignatureVerifierOptions): SignatureVerifier {
  const { region, service, now } = options;
  const known = new Map(
    options.credentials.map((credential) => {
      const recalculator = new Recalculator({ credentials: credential, region, service });
      return [credential.accessKeyId, { credential, recalculator }];
    }),
  );

  async function judge(request: ReceivedRequest, query: Query, claim: ClaimedSignature): Promise<Verdict> {
    const signer = known.get(claim.accessKeyId);
    if (signer === undefined || !equal(claim.sessionToken ?? '', signer.credential.sessionToken ?? '')) {
      const hint =
        signer === undefined
          ? 'the access key id is unknown here'
          : 'the session token is not the one of this key';
      return refuse('UnrecognizedClientException', UNKNOWN_TOKEN, hint);
    }
    const unsigned = unsignedHeader(request, claim);
    if (unsigned !== undefined) {
      return refuse(
        'InvalidSignatureException',
        MISMATCH,
        `the header ${unsigned} must be among the signed ones`,
      );
    }
    const fault =
      scopeFault(claim, region, service) ?? timeFault(claim, now()) ?? payloadFault(request, query);
    if (fault !== undefined) {
      return fault;
    }
    return equal(await signer.recalculator.recalculate(request, query, claim), claim.signature)
      ? { kind: 'verified', credential: signer.credential }
      : refuse('InvalidSignatureException', MISMATCH, mismatchHint(request));
  }

  return async (request) => {
    const query = parseQuery(request.query);
    if (!isSigned(request.headers, query)) {
      return { kind: 'unsigned' };
    }
    const claim = readClaim(request, query);
    if (typeof claim === 'string') {
      return refuse('IncompleteSignatureException', claim);
    }
    return Object.keys(query).some(isLostBySigner)
      ? refuse('InvalidSignatureException', MISMATCH)
      : judge(request, query, claim);
  };
}
