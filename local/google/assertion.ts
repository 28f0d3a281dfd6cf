import {
  compactVerify,
  decodeJwt,
  decodeProtectedHeader,
  type JWTPayload,
  type ProtectedHeaderParameters,
} from 'jose';
import type { AccountKey } from './account-key.ts';
import { Refusal } from './refusal.ts';
import type { AccountRecord, ServiceAccounts } from './service-accounts.ts';
import { readWantedToken, type WantedToken } from './wanted-token.ts';

const MAX_LIFETIME_SECONDS = 3600;
/** Not documented by Google; five minutes is what its libraries leave room for. */
const CLOCK_TOLERANCE_SECONDS = 300;

/** An assertion that has been found good: who asks, for whom, and for what. */
export type VerifiedAssertion = {
  readonly account: AccountRecord;
  /** The user that the account acts for. */
  readonly subject: string | undefined;
  readonly wanted: WantedToken;
};

/** An assertion taken apart, none of it verified. */
export type DecodedAssertion = { readonly header: ProtectedHeaderParameters; readonly claims: JWTPayload };

export type AssertionContext = {
  readonly accounts: ServiceAccounts;
  /** The URLs that the token endpoint goes by. */
  readonly audiences: ReadonlySet<string>;
  readonly now: () => number;
};

/** Returns the header and the claims of a JWT, or `undefined` for what is none. */
export function decodeAssertion(assertion: string): DecodedAssertion | undefined {
  try {
    return { header: decodeProtectedHeader(assertion), claims: decodeJwt(assertion) };
  } catch {
    return undefined;
  }
}

async function isSignedBy(key: AccountKey, assertion: string): Promise<boolean> {
  try {
    await compactVerify(assertion, key.publicKey, { algorithms: ['RS256'] });
    return true;
  } catch {
    return false;
  }
}

/** Google's Node library names no key, and then any of the issuer's may have signed. */
function signatureCandidates(
  { header, claims }: DecodedAssertion,
  accounts: ServiceAccounts,
): readonly AccountKey[] {
  const issuer = accounts.find(claims.iss);
  if (header.kid === undefined) {
    if (issuer === undefined) {
      throw new Refusal('account');
    }
    return accounts.liveKeys(issuer);
  }
  const found = typeof header.kid === 'string' ? accounts.findKey(header.kid) : undefined;
  const belongs = found !== undefined && (issuer === undefined || found.owner === issuer);
  return belongs ? [found.key] : [];
}

async function checkSignature(
  assertion: string,
  decoded: DecodedAssertion,
  accounts: ServiceAccounts,
): Promise<void> {
  for (const key of signatureCandidates(decoded, accounts)) {
    if (await isSignedBy(key, assertion)) {
      return;
    }
  }
  throw new Refusal('signature');
}

/** Returns whether a JWT lives for an hour at the most, and lives now, as far as clocks can be trusted. */
export function isInWindow({ iat, exp }: JWTPayload, nowSeconds: number): boolean {
  return (
    typeof iat === 'number' &&
    typeof exp === 'number' &&
    exp > iat &&
    exp - iat <= MAX_LIFETIME_SECONDS &&
    iat <= nowSeconds + CLOCK_TOLERANCE_SECONDS &&
    exp >= nowSeconds - CLOCK_TOLERANCE_SECONDS
  );
}

function checkWindow(claims: JWTPayload, nowSeconds: number): void {
  if (!isInWindow(claims, nowSeconds)) {
    throw new Refusal('window');
  }
}

function checkAudience({ aud }: JWTPayload, audiences: ReadonlySet<string>): void {
  if (typeof aud !== 'string' || !audiences.has(aud)) {
    throw new Refusal('audience');
  }
}

function checkSubject({ sub }: JWTPayload, account: AccountRecord): string | undefined {
  if (sub === undefined || sub === account.email) {
    return undefined;
  }
  if (!account.actsFor(sub)) {
    throw new Refusal('delegation');
  }
  return sub;
}

/**
 * Returns who asks for what, once every check has passed, in Google's order: structure, signature, `iss`, `iat` and
 * `exp`, the time window, the scope, `aud`, and last the right to act for `sub`.
 *
 * @throws {Refusal} for the first check that fails
 * @see https://www.rfc-editor.org/rfc/rfc7523#section-3
 */
export async function verifyAssertion(
  assertion: string,
  { accounts, audiences, now }: AssertionContext,
): Promise<VerifiedAssertion> {
  const decoded = decodeAssertion(assertion);
  if (decoded === undefined) {
    throw new Refusal('malformed');
  }
  await checkSignature(assertion, decoded, accounts);
  const account = accounts.find(decoded.claims.iss);
  if (account === undefined) {
    throw new Refusal('account');
  }
  checkWindow(decoded.claims, now() / 1000);
  const wanted = readWantedToken(decoded.claims);
  checkAudience(decoded.claims, audiences);
  return { account, subject: checkSubject(decoded.claims, account), wanted };
}
