import { isJsonObject, type JsonObject, parseJsonObject } from './json-object.ts';
import { StsRefusal } from './sts-refusal.ts';

const AWS_STS_ORIGIN = /^https:\/\/sts(?:-fips)?(?:\.[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?$/;
const TARGET_HEADER = 'x-goog-cloud-target-resource';
const NEEDED_HEADERS = ['authorization', 'host', 'x-amz-date', TARGET_HEADER] as const;

/** The signed request for `GetCallerIdentity` that a caller hands in for replay. Its body is empty. */
export type AwsIdentityRequest = {
  readonly url: string;
  readonly method: 'POST';
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** The token that all this was read from, as the caller gave it. */
  readonly subjectToken: string;
};

/** What AWS answers to `GetCallerIdentity`. */
export type AwsIdentity = { readonly arn: string; readonly account: string; readonly userId: string };

/** AWS's refusal to say who signed, by its name and in its words. */
export type AwsRefusal = { readonly kind: 'refused'; readonly type: string; readonly message: string };

/** Replays the request to AWS's STS, whose answer it resolves to; it rejects if there is none. */
export type VerifyAwsIdentity = (request: AwsIdentityRequest) => Promise<AwsIdentity | AwsRefusal>;

export type AwsIdentityOptions = {
  /** The one account whose principals are admitted, 12 digits. */
  readonly accountId: string;
  readonly verifyAwsIdentity: VerifyAwsIdentity;
  /**
   * Origins of STS besides AWS's own.
   * @default none
   */
  readonly stsOrigins?: readonly string[];
};

function malformed(why: string): StsRefusal {
  return new StsRefusal('invalid_grant', `The AWS subject token is malformed: ${why}.`);
}

function decodeToken(subjectToken: string): JsonObject {
  let text: string;
  try {
    text = decodeURIComponent(subjectToken);
  } catch (cause) {
    throw Object.assign(malformed('it is not percent-encoded'), { cause });
  }
  const request = parseJsonObject(text);
  if (request === undefined) {
    throw malformed('it is no JSON object');
  }
  return request;
}

function readHeaders({ headers }: JsonObject): Readonly<Record<string, string>> {
  if (!Array.isArray(headers)) {
    throw malformed('headers must be a list of {key, value}');
  }
  const byName = new Map<string, string>();
  for (const entry of headers) {
    if (!isJsonObject(entry) || typeof entry.key !== 'string' || typeof entry.value !== 'string') {
      throw malformed('headers must be a list of {key, value}');
    }
    if (byName.has(entry.key.toLowerCase())) {
      throw malformed(`the header ${entry.key} is given twice`);
    }
    byName.set(entry.key.toLowerCase(), entry.value);
  }
  const missing = NEEDED_HEADERS.find((name) => !byName.has(name));
  if (missing !== undefined) {
    throw malformed(`the header ${missing} is missing`);
  }
  return Object.fromEntries(byName);
}

function readUrl({ url }: JsonObject, stsOrigins: readonly string[]): URL {
  const parsed = typeof url === 'string' ? URL.parse(url) : null;
  const isSts =
    parsed !== null &&
    parsed.pathname === '/' &&
    (AWS_STS_ORIGIN.test(parsed.origin) || stsOrigins.includes(parsed.origin));
  if (!isSts) {
    throw malformed('url must be of AWS’s Security Token Service');
  }
  parsed.searchParams.sort();
  if (parsed.searchParams.toString() !== 'Action=GetCallerIdentity&Version=2011-06-15') {
    throw malformed('url must ask for Action=GetCallerIdentity&Version=2011-06-15 and nothing else');
  }
  return parsed;
}

function parseRequest(
  subjectToken: string,
  audience: string,
  stsOrigins: readonly string[],
): AwsIdentityRequest {
  const request = decodeToken(subjectToken);
  const headers = readHeaders(request);
  const { host } = readUrl(request, stsOrigins);
  if (request.method !== 'POST') {
    throw malformed('method must be POST');
  }
  if (headers.host !== host) {
    throw malformed('the header host does not fit the url');
  }
  const resource = headers[TARGET_HEADER];
  if (resource !== audience && resource !== `https:${audience}`) {
    throw new StsRefusal(
      'invalid_grant',
      `The value of the header ${TARGET_HEADER} does not match the audience ${audience}.`,
    );
  }
  return { url: String(request.url), method: 'POST', headers, subjectToken };
}

/**
 * Returns what AWS says of the signer of a subject token made out to `audience`: `{arn, account, userid}`.
 *
 * @throws {StsRefusal} for a token that is malformed, for somebody else, refused by AWS, or of another account
 * @see https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token
 */
export async function verifyAwsSubject(
  subjectToken: string,
  audience: string,
  { accountId, verifyAwsIdentity, stsOrigins = [] }: AwsIdentityOptions,
): Promise<JsonObject> {
  const identity = await verifyAwsIdentity(parseRequest(subjectToken, audience, stsOrigins));
  if ('kind' in identity) {
    throw new StsRefusal(
      'invalid_grant',
      `Received invalid AWS response of type ${identity.type} with error message: ${identity.message}`,
    );
  }
  if (identity.account !== accountId) {
    throw new StsRefusal(
      'invalid_grant',
      `The AWS account ${identity.account} does not match the account of the provider.`,
    );
  }
  return { arn: identity.arn, account: identity.account, userid: identity.userId };
}
