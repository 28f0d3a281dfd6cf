import { Annotations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { DEFAULT_UNIVERSE, isLoopback } from '../lambda/credentials/credential-document.ts';
import { type Fields, fieldsOf, isFields } from '../lambda/fields.ts';

/** The addresses that the function sends something to: to Google, or by Google to AWS. */
const ADDRESSES = ['token_uri', 'token_url', 'service_account_impersonation_url'];

function isOnLoopback(address: unknown): boolean {
  return typeof address === 'string' && URL.canParse(address) && isLoopback(new URL(address).hostname);
}

/** Returns the fields whose addresses are this machine's own, in the document and in its source. */
function loopbackFields(document: Fields): readonly string[] {
  const { credential_source: proof, source_credentials: source } = document;
  const { regional_cred_verification_url: verification } = fieldsOf(proof);
  const inner = isFields(source) ? loopbackFields(source) : [];
  return [
    ...ADDRESSES.filter((field) => isOnLoopback(document[field])),
    ...(isOnLoopback(verification) ? ['credential_source.regional_cred_verification_url'] : []),
    ...inner.map((field) => `source_credentials.${field}`),
  ];
}

/** Warns of a document, by its credential's name, that sends what the function holds to others than Google. */
export function warnOfAddresses(scope: Construct, name: string, document: Fields): void {
  const { universe_domain: universe = DEFAULT_UNIVERSE } = document;
  if (universe !== DEFAULT_UNIVERSE) {
    Annotations.of(scope).addWarningV2(
      `gcp-token-vendor:otherUniverse:${name}`,
      `The credential ${name} has the universe_domain ${universe}, and not ${DEFAULT_UNIVERSE}: the proof of who the function is in AWS, and its tokens, go to that domain. Deploy it only if the domain is your own Google Cloud's.`,
    );
  }
  const fields = loopbackFields(document);
  if (fields.length > 0) {
    Annotations.of(scope).addWarningV2(
      `gcp-token-vendor:loopbackAddress:${name}`,
      `The credential ${name} has an address on this machine itself in ${fields.join(', ')}: it is a stand-in's, which is fine in a test, and a deployed function has none. Leave the field out for Google's own address.`,
    );
  }
}
