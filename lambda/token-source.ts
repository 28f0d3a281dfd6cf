import { openAuthorizedUser } from './authorized-user.ts';
import type { Clock } from './clock.ts';
import { type CredentialDocument, type Fault, faultOf } from './credential-document.ts';
import { VendError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { isFields } from './fields.ts';
import type { Refusal } from './google-refusal.ts';
import { openImpersonatedServiceAccount } from './impersonated-service-account.ts';
import { openServiceAccount } from './service-account.ts';
import type { Grant, Token } from './types.ts';

/** What came of asking Google for a token. */
export type SourceResult =
  | { readonly outcome: 'granted'; readonly token: Token; readonly googleMs: number }
  | {
      readonly outcome: 'refused';
      readonly refusal: Refusal;
      /** Whether the clock has been corrected since the request was made out, by this answer or another. */
      readonly clockCorrected: boolean;
    };

/**
 * Mints a token from one credential.
 *
 * @throws {VendError} `google_unavailable`
 */
export type TokenSource = (grant: Grant, deadlineMs: number) => Promise<SourceResult>;

export type SourceDependencies = { readonly exchange: Exchange; readonly clock: Clock };

/** Opens a document that stands in another one. @throws {VendError} `credential_invalid`, made by `fault` */
export type OpenDocument = (document: CredentialDocument, fault: Fault) => Promise<TokenSource>;

/**
 * Returns the source for a document of one type.
 *
 * @throws {VendError} `credential_invalid`, made by `fault`
 */
export type OpenSource = (
  document: CredentialDocument,
  fault: Fault,
  dependencies: SourceDependencies & { readonly openDocument: OpenDocument },
) => Promise<TokenSource>;

/** How tokens are minted from a document, by its `type`. */
const SOURCES: Readonly<Record<string, OpenSource>> = {
  service_account: openServiceAccount,
  authorized_user: openAuthorizedUser,
  impersonated_service_account: openImpersonatedServiceAccount,
};

/** Types of Google's that the vendor cannot mint from: worth naming, since people have such files at hand. */
const KNOWN_TYPES = ['external_account', 'external_account_authorized_user', 'gdch_service_account'];

function parseDocument(text: string, fault: Fault): CredentialDocument {
  let document: unknown;
  try {
    document = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    // The parser's own message quotes the text, which is a secret.
    throw fault(undefined, 'is not JSON; store the key file as it is, whole');
  }
  if (!isFields(document)) {
    throw fault(undefined, 'is no JSON object; store the key file as it is, whole');
  }
  return document;
}

function sourceFor(document: CredentialDocument, fault: Fault): OpenSource {
  const { type } = document;
  if (typeof type === 'string' && Object.hasOwn(SOURCES, type)) {
    return SOURCES[type] as OpenSource;
  }
  if (type === undefined) {
    throw fault('type', 'is missing; store the key file itself as plaintext, not inside a key/value pair');
  }
  const known = KNOWN_TYPES.find((name) => name === type);
  const received =
    known === undefined ? 'is none that the vendor knows' : `is ${known}, which cannot be used here`;
  throw fault('type', `${received}; it must be one of ${Object.keys(SOURCES).join(', ')}`);
}

/**
 * Returns the source of tokens that the text of a secret describes. `holder` is how errors name it (`secret NAME`,
 * `file NAME`); nothing of `text` is ever part of one.
 *
 * @throws {VendError} `credential_invalid`, naming the secret, the field and the fix
 */
export async function openTokenSource(
  text: string,
  holder: string,
  dependencies: SourceDependencies,
): Promise<TokenSource> {
  const fault = faultOf(holder);
  if (text.trim() === '') {
    throw new VendError('credential_invalid', `The ${holder} is empty: put the key file into it.`);
  }
  const document = parseDocument(text, fault);
  const openDocument: OpenDocument = (inner, innerFault) =>
    sourceFor(inner, innerFault)(inner, innerFault, { ...dependencies, openDocument });
  return await openDocument(document, fault);
}
