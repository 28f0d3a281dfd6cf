import { Annotations, Stack } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { Fields } from '../lambda/fields.ts';
import { readCredentialFile } from './credential-file.ts';
import { warnOfAddresses } from './document-warnings.ts';
import {
  type KeylessDocument,
  type KeylessSource,
  parseKeylessDocument,
  withKeyId,
} from './keyless-document.ts';
import { refuseSecret } from './no-secret.ts';
import { createSigningKey, type SigningKey, signingKeyArn, signStatement } from './signing-key.ts';
import { UsageError } from './usage-error.ts';
import { webIdentityStatement } from './web-identity-permission.ts';

/** A credential document that holds no secret: as it is, or as a JSON file, which is read at synth. */
export type DocumentCredential = (
  | { readonly document: Fields; readonly file?: never }
  | { readonly file: string; readonly document?: never }
) & {
  /**
   * The key of a document of type `aws_kms`: RSA, for signing, in the function's region. The function's role is allowed to
   * sign with it; a key policy of your own must leave that to IAM, as CDK's does.
   * @default - the one that the document names; otherwise a new one, which stays when the stack goes
   */
  readonly key?: SigningKey;
};

/** Documents by the names that profiles call them by. */
export type CredentialDocuments = Readonly<Record<string, KeylessDocument>>;

type KmsSource = Extract<KeylessSource, { readonly kind: 'aws_kms' }>;

function givenKeyArn(name: string, key: SigningKey, source: KeylessSource): string {
  if (source.kind !== 'aws_kms') {
    throw new UsageError(
      `The credential ${name} is given a key, which only a document of type aws_kms signs with.`,
    );
  }
  if (source.keyId !== undefined) {
    throw new UsageError(
      `The credential ${name} is given a key, and its document names one in key_id: leave one of them out.`,
    );
  }
  return signingKeyArn(key, name);
}

/**
 * Returns what a credential's document says, with its key in it if one is given.
 *
 * @throws {UsageError} if it holds a secret, if the function would refuse it, if it has a field that the function does not
 * read, or if it and its key do not go together
 */
export function openDocument(scope: Construct, name: string, given: DocumentCredential): KeylessDocument {
  const holder = given.file === undefined ? `document of the credential ${name}` : `file ${given.file}`;
  const content = given.file === undefined ? given.document : readCredentialFile(given.file);
  // A token of CDK's may stand for a secret, so what is judged is what the template would have.
  refuseSecret(Stack.of(scope).resolve(content), holder);
  const document = parseKeylessDocument(content, holder);
  return given.key === undefined
    ? document
    : withKeyId(document, givenKeyArn(name, given.key, document.source));
}

function announceNextStep(scope: Construct, name: string, { privateKeyId }: KmsSource): void {
  if (privateKeyId === undefined) {
    Annotations.of(scope).addInfoV2(
      `gcp-token-vendor:noPrivateKeyId:${name}`,
      `The credential ${name} cannot be used yet: after this deployment, print the certificate of its KMS key (npm run kms-certificate), give it to Google (gcloud iam service-accounts keys upload), put the id that Google answers into the document's private_key_id, and deploy again. The commands are in the construct's googleSetup, which TokenVendorStack has as its outputs GoogleSetup1, GoogleSetup2, ….`,
    );
  }
}

/** Returns the document ready for the function: one of type `aws_kms` without a key gets a new one. */
export function equipDocument(scope: Construct, name: string, document: KeylessDocument): KeylessDocument {
  const { source } = document;
  warnOfAddresses(scope, name, document.fields);
  if (source.kind !== 'aws_kms') {
    return document;
  }
  announceNextStep(scope, name, source);
  return source.keyId === undefined ? withKeyId(document, createSigningKey(scope, name).keyArn) : document;
}

/** Returns what the function needs in AWS for its documents, and nothing more: signatures, or tokens of AWS's, or nothing. */
export function documentStatements(scope: Construct, documents: CredentialDocuments): PolicyStatement[] {
  return Object.values(documents).flatMap(({ source }) => {
    if (source.kind === 'external_account') {
      const { proof } = source.account;
      // A request for GetCallerIdentity needs a signature, and no permission.
      return proof.kind === 'web_identity_token' ? [webIdentityStatement(proof)] : [];
    }
    return source.keyId === undefined ? [] : [signStatement(scope, source.keyId)];
  });
}

/** Returns whether the function asks AWS for tokens, for which it is allowed an action on all resources. */
export function needsWebIdentity(documents: CredentialDocuments): boolean {
  return Object.values(documents).some(
    ({ source }) => source.kind === 'external_account' && source.account.proof.kind === 'web_identity_token',
  );
}
