import {
  bindingSteps,
  type CredentialUse,
  serviceAccountMember,
  serviceAccountName,
} from './google-bindings.ts';
import { federatedMember, federationSteps, projectNumberOf } from './google-federation.ts';
import { isBareFederation, type KeylessDocument, type KeylessSource } from './keyless-document.ts';
import type { AwsRole, SetupStep } from './setup-step.ts';
import { shellQuote } from './shell-quote.ts';

type FederatedSource = Extract<KeylessSource, { readonly kind: 'external_account' }>;
type KmsSource = Extract<KeylessSource, { readonly kind: 'aws_kms' }>;

/** What Google is to be told. */
export type SetupOptions = {
  readonly document: KeylessDocument;
  /** The function's. */
  readonly role: AwsRole;
  /** Of the profiles that mint from it. */
  readonly uses: readonly CredentialUse[];
};

/** Where nobody is impersonated, the function's identity itself is given what it needs. */
function grantDirectly({ account }: FederatedSource, member: string): SetupStep {
  return {
    does: 'gives the function itself a role in the project: put in the one that it needs',
    command: `gcloud projects add-iam-policy-binding ${projectNumberOf(account)} --role=ROLE --member=${shellQuote(member)}`,
  };
}

function federated(source: FederatedSource, { document, role, uses }: SetupOptions): readonly SetupStep[] {
  const member = federatedMember(source.account, role);
  const isBare = isBareFederation(document) && uses.some(({ impersonate }) => impersonate === undefined);
  return [
    ...federationSteps(source.account, role),
    ...(isBare ? [grantDirectly(source, member)] : []),
    ...bindingSteps(document, { member, uses }),
  ];
}

/** @see https://cloud.google.com/iam/docs/keys-upload */
function certified(
  { clientEmail, keyId = 'KEY' }: KmsSource,
  { document, uses }: SetupOptions,
): readonly SetupStep[] {
  const email = shellQuote(clientEmail);
  return [
    {
      does: 'prints the certificate of the KMS key, which the key itself signs',
      command: `npm run --silent kms-certificate -- --key-id ${shellQuote(keyId)} --client-email ${email} > cert.pem`,
    },
    {
      does: "gives Google the certificate. Put the key id that it prints into the document's private_key_id, and deploy again",
      command: `gcloud iam service-accounts keys upload cert.pem --iam-account=${shellQuote(serviceAccountName(clientEmail))} --format='value(name.basename())'`,
    },
    ...bindingSteps(document, { member: serviceAccountMember(clientEmail), uses }),
  ];
}

/**
 * Returns the commands that make Google take the function for what a document says, in the order to run them.
 *
 * The document's values, and the role's, are each quoted for the shell.
 */
export function googleSetup(options: SetupOptions): readonly SetupStep[] {
  const { source } = options.document;
  return source.kind === 'external_account' ? federated(source, options) : certified(source, options);
}
