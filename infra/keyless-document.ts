import { Token } from 'aws-cdk-lib';
import {
  type Fault,
  faultOf,
  textField,
  tokenUriOf,
  universeOf,
} from '../lambda/credentials/credential-document.ts';
import {
  type ExternalAccount,
  parseExternalAccount,
} from '../lambda/credentials/external-account-document.ts';
import { delegatesOf, impersonationTargetOf } from '../lambda/credentials/impersonation-target.ts';
import { VendError } from '../lambda/errors.ts';
import { type Fields, fieldsOf, isFields } from '../lambda/fields.ts';
import { isServiceAccountEmail } from '../lambda/policy/service-account-email.ts';
import { readFields } from './document-fields.ts';
import { NeedsSecretError } from './no-secret.ts';
import { UsageError } from './usage-error.ts';

/** How the function proves to Google who it is, without a secret. */
export type KeylessSource =
  | { readonly kind: 'external_account'; readonly account: ExternalAccount }
  | {
      readonly kind: 'aws_kms';
      readonly clientEmail: string;
      /** The ARN or the id of the key, if the document names one. */
      readonly keyId: string | undefined;
      /** What Google calls the key; it says so when it is given the certificate. */
      readonly privateKeyId: string | undefined;
    };

/** A credential document that holds no secret, and what it says. */
export type KeylessDocument = {
  /** As the function gets it: what it reads of it, and nothing else. */
  readonly fields: Fields;
  readonly source: KeylessSource;
  /** Whom the source impersonates on top of what it says itself; the delegate nearest to the source comes first. */
  readonly impersonation:
    | { readonly serviceAccount: string; readonly delegates: readonly string[] }
    | undefined;
};

/** Returns whether tokens are of the federated identity itself, and of no service account, unless a profile impersonates one. */
export function isBareFederation({ source, impersonation }: KeylessDocument): boolean {
  return (
    source.kind === 'external_account' &&
    source.account.impersonation === undefined &&
    impersonation === undefined
  );
}

const IMPERSONATED = 'impersonated_service_account';
const IMPERSONATION_URL = 'service_account_impersonation_url';

const KEY = /^(?:arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/)?[\w-]+$/;

/** Addresses go into commands for people to run; one that CloudFormation is yet to put in is nobody's to judge here. */
function demandServiceAccount(email: string, field: string, fault: Fault): string {
  if (!Token.isUnresolved(email) && !isServiceAccountEmail(email)) {
    throw fault(
      field,
      'names no service account: its e-mail address is like vendor@my-project.iam.gserviceaccount.com, in lower case',
    );
  }
  return email;
}

/** An alias may be given to another key, so no permission can be bound to one. */
function keyIdOf(document: Fields, fault: Fault): string | undefined {
  if (document.key_id === undefined) {
    return undefined;
  }
  const keyId = textField(document, 'key_id', fault);
  if (/^(?:arn:.*:)?alias\//.test(keyId)) {
    throw fault(
      'key_id',
      'is an alias, on which kms:Sign cannot be granted: give the ARN or the id of the key',
    );
  }
  if (!Token.isUnresolved(keyId) && !KEY.test(keyId)) {
    throw fault('key_id', 'is neither the ARN nor the id of a KMS key; leave it out, and a key is made');
  }
  return keyId;
}

function kmsSourceOf(document: Fields, fault: Fault): KeylessSource {
  tokenUriOf(document, fault);
  return {
    kind: 'aws_kms',
    clientEmail: demandServiceAccount(textField(document, 'client_email', fault), 'client_email', fault),
    keyId: keyIdOf(document, fault),
    privateKeyId:
      document.private_key_id === undefined ? undefined : textField(document, 'private_key_id', fault),
  };
}

function federatedSourceOf(document: Fields, fault: Fault): KeylessSource {
  const account = parseExternalAccount(document, fault);
  if (account.impersonation !== undefined) {
    demandServiceAccount(account.impersonation.serviceAccount, IMPERSONATION_URL, fault);
  }
  return { kind: 'external_account', account };
}

function sourceOf(document: Fields, fault: Fault): KeylessSource {
  switch (document.type) {
    case 'external_account':
      return federatedSourceOf(document, fault);
    case 'aws_kms':
      return kmsSourceOf(document, fault);
    default:
      throw new NeedsSecretError(
        fault(
          'type',
          `must be external_account or aws_kms, or ${IMPERSONATED} on top of one: no other may stand in a template`,
        ).message,
      );
  }
}

type Said = Omit<KeylessDocument, 'fields'>;

function impersonatedOf(document: Fields, fault: Fault): Said {
  const { serviceAccount } = impersonationTargetOf(document, fault);
  const impersonation = {
    serviceAccount: demandServiceAccount(serviceAccount, IMPERSONATION_URL, fault),
    delegates: delegatesOf(document, fault).map((email) => demandServiceAccount(email, 'delegates', fault)),
  };
  const inner: Fault = (field, fix) => fault(`source_credentials.${field ?? 'type'}`, fix);
  const given = fieldsOf(document.source_credentials);
  const source = sourceOf(given, inner);
  // The function refuses it, too: a token of the one would be shown to whoever the other names.
  if (universeOf(given, inner) !== universeOf(document, fault)) {
    throw inner('universe_domain', 'is not that of the document itself');
  }
  return { source, impersonation };
}

function parse(document: Fields, fault: Fault): KeylessDocument {
  const said =
    document.type === IMPERSONATED
      ? impersonatedOf(document, fault)
      : { source: sourceOf(document, fault), impersonation: undefined };
  const { source } = said;
  const kind = source.kind === 'aws_kms' ? source.kind : source.account.proof.kind;
  return { ...said, fields: readFields(document, kind, fault) };
}

/**
 * Returns what a document says whose type needs no secret, and of its fields those that the function reads. Whether one of
 * these holds a secret all the same is `refuseSecret`'s part.
 *
 * `holder` is how messages name it (`file NAME`); no value of it is part of one.
 *
 * @throws {UsageError} for any other type, for what the function would refuse, and for a field that it does not read
 */
export function parseKeylessDocument(document: unknown, holder: string): KeylessDocument {
  const fault = faultOf(holder);
  try {
    if (!isFields(document)) {
      throw fault(undefined, 'is no JSON object');
    }
    return parse(document, fault);
  } catch (cause) {
    throw cause instanceof VendError ? new UsageError(cause.message, { cause }) : cause;
  }
}

/** Returns the document with a key in it that was made for it. */
export function withKeyId(document: KeylessDocument, keyId: string): KeylessDocument {
  const { fields, source } = document;
  const inner = fieldsOf(fields.source_credentials);
  return {
    ...document,
    fields:
      fields.type === IMPERSONATED
        ? { ...fields, source_credentials: { ...inner, key_id: keyId } }
        : { ...fields, key_id: keyId },
    source: source.kind === 'aws_kms' ? { ...source, keyId } : source,
  };
}
