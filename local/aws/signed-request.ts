import { headerValue, type ReceivedHeaders, type ReceivedRequest } from './received-request.ts';

/** A query's parameters, decoded; repeated ones as a list in the order they came in. */
export type Query = Readonly<Record<string, string | string[]>>;

/** What a request says of its own signature; nothing of it has been verified. */
export type ClaimedSignature = {
  readonly form: 'header' | 'query';
  readonly accessKeyId: string;
  /** `YYYYMMDD`, as the credential scope says. */
  readonly scopeDate: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  /** 64 lower-case hexadecimal digits. */
  readonly signature: string;
  /** `YYYYMMDDTHHMMSSZ`, from `X-Amz-Date`. */
  readonly date: string;
  /** Seconds that a presigned request stays good for; `undefined` in the header form. */
  readonly expiresInSeconds: number | undefined;
  readonly sessionToken: string | undefined;
};

type Fields = Readonly<Record<string, string | undefined>>;

const ALGORITHM = 'AWS4-HMAC-SHA256';
const CREDENTIAL = /^([A-Za-z0-9_]{3,128})\/(\d{8})\/([a-z0-9-]{1,64})\/([a-z0-9-]{1,64})\/aws4_request$/;
const SIGNED_HEADERS = /^[a-z0-9_.-]+(?:;[a-z0-9_.-]+)*$/;
const SIGNATURE = /^[0-9a-f]{64}$/;
const DATE = /^\d{8}T\d{6}Z$/;
const EXPIRES = /^[1-9]\d{0,5}$/;
const MAX_EXPIRES_SECONDS = 604_800;

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

/** Returns the parameters of a raw query string; a `+` is a space, and what is not percent-encoded UTF-8 stays as it is. */
export function parseQuery(raw: string): Query {
  // With a prototype, a parameter called `__proto__` would vanish from what is signed.
  const query: Record<string, string | string[]> = Object.create(null);
  for (const pair of raw.split('&').filter((part) => part !== '')) {
    const [name = '', ...rest] = pair.split('=');
    const key = decode(name);
    const value = decode(rest.join('='));
    const earlier = query[key];
    query[key] = earlier === undefined ? value : [earlier, value].flat();
  }
  return query;
}

/** Returns whether a request carries a signature, or anything that was meant to be one, in either form. */
export function isSigned(headers: ReceivedHeaders, query: Query): boolean {
  return headers.authorization !== undefined || hasQueryForm(query);
}

function hasQueryForm(query: Query): boolean {
  return Object.keys(query).some((name) => /^x-amz-(?:algorithm|credential|signature)$/i.test(name));
}

function parseAuthorization(header: string): Fields {
  const [algorithm, ...rest] = header.split(' ');
  const pairs = rest
    .join(' ')
    .split(',')
    .map((part) => part.trim().split('='));
  const isSound = pairs.length === 3 && pairs.every((pair) => pair.length === 2);
  return isSound ? { algorithm, ...Object.fromEntries(pairs) } : { algorithm };
}

function headerFields({ headers }: ReceivedRequest): Fields {
  const { algorithm, Credential, SignedHeaders, Signature } = parseAuthorization(
    headerValue(headers, 'authorization') ?? '',
  );
  return {
    algorithm,
    credential: Credential,
    signedHeaders: SignedHeaders,
    signature: Signature,
    date: headerValue(headers, 'x-amz-date'),
    sessionToken: headerValue(headers, 'x-amz-security-token'),
  };
}

function queryFields(query: Query): Fields {
  const one = (name: string): string | undefined => {
    const value = query[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    algorithm: one('X-Amz-Algorithm'),
    credential: one('X-Amz-Credential'),
    signedHeaders: one('X-Amz-SignedHeaders'),
    signature: one('X-Amz-Signature'),
    date: one('X-Amz-Date'),
    expires: one('X-Amz-Expires') ?? '',
    sessionToken: one('X-Amz-Security-Token'),
  };
}

/** A list that is not sorted, or names a header twice, is no list that a signer makes. */
function parseSignedHeaders(text: string | undefined): readonly string[] | undefined {
  if (text === undefined || !SIGNED_HEADERS.test(text)) {
    return undefined;
  }
  const names = [...new Set(text.split(';'))].sort();
  return names.join(';') === text ? names : undefined;
}

function parseExpires(text: string | undefined): number | undefined {
  return text !== undefined && EXPIRES.test(text) && Number(text) <= MAX_EXPIRES_SECONDS
    ? Number(text)
    : undefined;
}

/**
 * Returns what a request claims of its signature, in whichever of the two forms, or the fault in what it says.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
 */
export function readClaim(request: ReceivedRequest, query: Query): ClaimedSignature | string {
  const presigned = hasQueryForm(query);
  if (presigned && request.headers.authorization !== undefined) {
    return 'Only one of an Authorization header and X-Amz-Signature in the query is allowed.';
  }
  const fields = presigned ? queryFields(query) : headerFields(request);
  const [, accessKeyId = '', scopeDate = '', region = '', service = ''] =
    CREDENTIAL.exec(fields.credential ?? '') ?? [];
  const signedHeaders = parseSignedHeaders(fields.signedHeaders);
  const expiresInSeconds = parseExpires(fields.expires);
  if (fields.algorithm !== ALGORITHM) {
    return `The signature's algorithm must be ${ALGORITHM}.`;
  }
  if (accessKeyId === '') {
    return 'Credential must be KEY_ID/YYYYMMDD/REGION/SERVICE/aws4_request.';
  }
  if (signedHeaders === undefined) {
    return 'SignedHeaders must be lower-case names, sorted, each once, parted by semicolons.';
  }
  if (fields.signature === undefined || !SIGNATURE.test(fields.signature)) {
    return 'Signature must be 64 lower-case hexadecimal digits.';
  }
  if (fields.date === undefined || !DATE.test(fields.date)) {
    return 'X-Amz-Date must be there once, as YYYYMMDDTHHMMSSZ.';
  }
  if (presigned && expiresInSeconds === undefined) {
    return `X-Amz-Expires must be a number of seconds from 1 to ${MAX_EXPIRES_SECONDS}.`;
  }
  return {
    form: presigned ? 'query' : 'header',
    accessKeyId,
    scopeDate,
    region,
    service,
    signedHeaders,
    signature: fields.signature,
    date: fields.date,
    expiresInSeconds,
    sessionToken: fields.sessionToken,
  };
}
