import { Token } from 'aws-cdk-lib';
import { type Fault, faultOf, textField, tokenUriOf } from '../lambda/credential-document.ts';
import { VendError } from '../lambda/errors.ts';
import { type ExternalAccount, parseExternalAccount } from '../lambda/external-account-document.ts';
import { type Fields, fieldsOf, isFields } from '../lambda/fields.ts';
import { delegatesOf, impersonationTargetOf } from '../lambda/impersonation-target.ts';
import { PUT_INTO_SECRET } from './no-secret.ts';
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
  /** As the function gets it. */
  readonly fields: Fields;
  readonly source: KeylessSource;
  /** Whom the source impersonates on top of what it says itself; the delegate nearest to the source comes first. */
  readonly impersonation:
    | { readonly serviceAccount: string; readonly delegates: readonly string[] }
    | undefined;
};

const IMPERSONATED = 'impersonated_service_account';

const EMAIL = /^[^\s@'"`$\\]+@[^\s@'"`$\\]+$/;
const KEY = /^(?:arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/)?[\w-]+$/;

function emailField(document: Fields, field: string, fault: Fault): string {
  const email = textField(document, field, fault);
  if (!Token.isUnresolved(email) && !EMAIL.test(email)) {
    throw fault(field, 'is no e-mail address of a service account');
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
    clientEmail: emailField(document, 'client_email', fault),
    keyId: keyIdOf(document, fault),
    privateKeyId:
      document.private_key_id === undefined ? undefined : textField(document, 'private_key_id', fault),
  };
}

function sourceOf(document: Fields, fault: Fault): KeylessSource {
  switch (document.type) {
    case 'external_account':
      return { kind: 'external_account', account: parseExternalAccount(document, fault) };
    case 'aws_kms':
      return kmsSourceOf(document, fault);
    default:
      throw fault(
        'type',
        `must be external_account or aws_kms, or ${IMPERSONATED} on top of one: no other may stand in a template. ${PUT_INTO_SECRET}`,
      );
  }
}

function parse(fields: Fields, fault: Fault): KeylessDocument {
  if (fields.type !== IMPERSONATED) {
    return { fields, source: sourceOf(fields, fault), impersonation: undefined };
  }
  const { serviceAccount } = impersonationTargetOf(fields, fault);
  const inner: Fault = (field, fix) => fault(`source_credentials.${field ?? 'type'}`, fix);
  return {
    fields,
    source: sourceOf(fieldsOf(fields.source_credentials), inner),
    impersonation: { serviceAccount, delegates: delegatesOf(fields, fault) },
  };
}

/**
 * Returns what a document says whose type needs no secret. Whether it holds one all the same is `refuseSecret`'s part.
 *
 * `holder` is how messages name it (`file NAME`); no value of it is part of one.
 *
 * @throws {UsageError} for any other type, and for what the function would refuse
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
