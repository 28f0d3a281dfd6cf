import { quote } from '../quote.ts';
import { IAM_CREDENTIALS_REFUSALS } from './iam-credentials-refusals.ts';
import { STS_REFUSALS } from './sts-refusals.ts';
import { TOKEN_ENDPOINT_REFUSALS } from './token-endpoint-refusals.ts';

/**
 * What lies behind a refusal, as far as the vendor can do something about it by itself: `outdated_credential` holds for
 * whatever is asked, `outdated_login` for these scopes alone, `outdated_token` for the token that was shown.
 */
export type RefusalCause = 'outdated_credential' | 'outdated_login' | 'outdated_token' | 'clock' | 'other';

/** A no from Google: what it means for the vendor, and what to tell a person. */
export type Refusal = { readonly cause: RefusalCause; readonly explanation: string };

/** Who of Google's was asked: the token endpoint, the Security Token Service, or IAM Credentials. */
export type EndpointKind = 'token' | 'sts' | 'iam_credentials';

/** Where an assertion was signed, if it was not with a key file's key. */
export type Signer = 'aws_kms';

/** An answer of Google's that is not what was asked for, as far as it could be read. */
export type RefusalAnswer = {
  readonly status: number;
  readonly error: string | undefined;
  readonly description: string | undefined;
  /**
   * Who answered. The same `error` means different things there.
   * @default told by `error` and `description` alone
   */
  readonly endpoint?: EndpointKind;
  readonly signer?: Signer;
};

/** One refusal that real set-ups meet. */
export type KnownRefusal = {
  /** @default any */
  readonly error?: string;
  /**
   * What Google's description is known by, for it gives several causes the same `error`.
   * @default anything, and nothing too
   */
  readonly says?: RegExp;
  /**
   * For whose assertions alone it has this meaning.
   * @default anybody's
   */
  readonly signer?: Signer;
  /** @default "other" */
  readonly cause?: RefusalCause;
  /** What it means here and the command that mends it, with capitals for what only the reader knows. */
  readonly meaning: string;
};

/** The first that fits counts. The order matters to an answer of which it is not known who gave it. */
const KNOWN: Readonly<Record<EndpointKind, readonly KnownRefusal[]>> = {
  token: TOKEN_ENDPOINT_REFUSALS,
  iam_credentials: IAM_CREDENTIALS_REFUSALS,
  sts: STS_REFUSALS,
};

/** The field of a credential that each one's address stands in, and Google's own. */
const ADDRESS_FIELDS: Readonly<Record<EndpointKind, string>> = {
  token: 'token_uri of the key file: Google’s is https://oauth2.googleapis.com/token',
  sts: 'token_url of the credential: Google’s is https://sts.googleapis.com/v1/token',
  iam_credentials:
    'service_account_impersonation_url of the credential: Google’s is https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/EMAIL:generateAccessToken',
};

function explainStatus(status: number, endpoint: EndpointKind): string {
  const check = `Check the field ${ADDRESS_FIELDS[endpoint]}.`;
  if (status >= 300 && status < 400) {
    return `: a redirect, which the vendor does not follow. ${check}`;
  }
  return status === 404 || status === 405 ? `: there is no token endpoint. ${check}` : '.';
}

/** Returns what a refusal of Google's means here, in one line with Google's own words in it. */
export function explainRefusal(answer: RefusalAnswer): Refusal {
  const { status, error, description, endpoint, signer } = answer;
  const candidates = endpoint === undefined ? Object.values(KNOWN).flat() : KNOWN[endpoint];
  const known = candidates.find(
    (candidate) =>
      (candidate.error === undefined || candidate.error === error) &&
      (candidate.signer === undefined || candidate.signer === signer) &&
      (candidate.says === undefined || candidate.says.test(description ?? '')),
  );
  const words = [error, description].filter((word) => word !== undefined).map(quote);
  const said = `Google answered ${status}${words.length > 0 ? ` ${words.join(': ')}` : ''}`;
  return known === undefined
    ? { cause: 'other', explanation: `${said}${explainStatus(status, endpoint ?? 'token')}` }
    : { cause: known.cause ?? 'other', explanation: `${said}: ${known.meaning}` };
}
