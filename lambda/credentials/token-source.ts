import type { Aws } from '../aws/aws-environment.ts';
import { VendError } from '../errors.ts';
import { isFields } from '../fields.ts';
import type { Clock } from '../google/clock.ts';
import type { Exchange } from '../google/exchange.ts';
import type { Refusal } from '../google/google-refusal.ts';
import type { Post } from '../google/post.ts';
import type { Grant, Token } from '../types.ts';
import {
  type CredentialDocument,
  type Fault,
  faultOf,
  refuseLoopback,
  serviceOrigin,
} from './credential-document.ts';
import { withTerms } from './grant-terms.ts';
import { openServiceAccount } from './service-account.ts';

/** What came of asking Google for a token. */
export type SourceResult =
  | { readonly outcome: 'granted'; readonly token: Token; readonly googleMs: number }
  | { readonly outcome: 'refused'; readonly refusal: Refusal };

/**
 * Mints a token from one credential.
 *
 * @throws {VendError} `google_unavailable`; `credential_invalid` for what cannot be had from it;
 * `credential_unavailable` if it needs AWS, which cannot be reached
 */
export type TokenSource = (grant: Grant, deadlineMs: number) => Promise<SourceResult>;

/** What a source does with AWS on its way to a token. */
export type AwsStep = 'AWS signature' | 'AWS token' | 'KMS signature';

export type SourceDependencies = {
  readonly exchange: Exchange;
  /** For what is no exchange with Google. */
  readonly post: Post;
  readonly clock: Clock;
  readonly aws: Aws;
  /** Opens a connection for the first request to use. */
  readonly connectAhead: (url: URL) => void;
  /** Whether documents may name stand-ins on loopback: not in a deployed function. */
  readonly allowsStandIns: boolean;
  /** Does the work of a step, and may watch it. */
  readonly step: <Result>(name: AwsStep, work: () => Promise<Result>) => Promise<Result>;
};

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

/** How tokens are minted from a document, by its `type`. All but the most common are loaded when one is there. */
const SOURCES: Readonly<Record<string, () => Promise<OpenSource>>> = {
  service_account: async () => openServiceAccount,
  external_account: async () => (await import('./external-account.ts')).openExternalAccount,
  aws_kms: async () => (await import('./aws-kms.ts')).openAwsKms,
  impersonated_service_account: async () =>
    (await import('./impersonated-service-account.ts')).openImpersonatedServiceAccount,
  authorized_user: async () => (await import('./authorized-user.ts')).openAuthorizedUser,
};

/** Types of Google's that the vendor cannot mint from: worth naming, since people have such files at hand. */
const KNOWN_TYPES = ['external_account_authorized_user', 'gdch_service_account'];

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

async function sourceFor(document: CredentialDocument, fault: Fault): Promise<OpenSource> {
  const { type } = document;
  const load = typeof type === 'string' && Object.hasOwn(SOURCES, type) ? SOURCES[type] : undefined;
  if (load !== undefined) {
    return await load();
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
 * Returns the source of tokens that a credential document describes. `holder` is how errors name where it is
 * (`secret NAME`, `file NAME`); nothing of `text` is ever part of one.
 *
 * @throws {VendError} `credential_invalid`, naming the holder, the field and the fix
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
  const openDocument: OpenDocument = async (inner, innerFault) => {
    if (!dependencies.allowsStandIns) {
      refuseLoopback(inner, innerFault);
    }
    const open = await sourceFor(inner, innerFault);
    return await open(inner, innerFault, { ...dependencies, openDocument });
  };
  const base = await openDocument(document, fault);
  const origins = {
    iamCredentials: serviceOrigin(document, 'iamcredentials', fault),
    oauth2: serviceOrigin(document, 'oauth2', fault),
    sts: serviceOrigin(document, 'sts', fault),
  };
  return withTerms(base, origins, dependencies);
}
