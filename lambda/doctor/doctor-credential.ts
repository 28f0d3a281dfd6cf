import type { ReadSecret } from '../aws/secrets-manager.ts';
import type { CredentialLocation } from '../credentials/credential-store.ts';
import { openTokenSource, type SourceDependencies, type TokenSource } from '../credentials/token-source.ts';
import { VendError } from '../errors.ts';
import type { Grant } from '../types.ts';
import type { Chain, Finding } from './doctor-chain.ts';
import { describeDocument, expectedLinks, readFields } from './doctor-plan.ts';

export type CredentialPlaces = {
  readonly locations: ReadonlyMap<string, CredentialLocation>;
  readonly readSecret: ReadSecret;
  /**
   * How a place that is read for a document is called.
   * @default - `secret NAME`
   */
  readonly holderOf?: (secretId: string) => string;
};

/** The text of a document, and how errors name where it is. */
export type DocumentText = { readonly text: string; readonly holder: string };

function ok(detail: string): Finding {
  return { outcome: 'ok', detail };
}

async function readSecretText(
  name: string,
  location: { readonly secret: string } | undefined,
  { readSecret, holderOf = (secretId) => `secret ${secretId}` }: CredentialPlaces,
): Promise<DocumentText & { readonly versionId: string }> {
  if (location === undefined) {
    throw new VendError(
      'credential_invalid',
      `There is no credential named ${name}; deploy the stack with it.`,
    );
  }
  return { ...(await readSecret(location.secret)), holder: holderOf(location.secret) };
}

/**
 * Returns the document of the credential `name`, read past all that the vendor keeps: what is there now is examined.
 *
 * @throws {VendError} `credential_invalid`, `credential_unavailable`
 */
export async function readDocument(
  name: string,
  chain: Chain,
  places: CredentialPlaces,
): Promise<DocumentText> {
  const location = places.locations.get(name);
  if (location !== undefined && 'document' in location) {
    chain.note('secret', ok('none: the document came with the function'));
    return { text: JSON.stringify(location.document), holder: `document given as the credential ${name}` };
  }
  return await chain.run(
    'secret',
    () => readSecretText(name, location, places),
    ({ versionId, holder }) =>
      ok(`the ${holder} was read anew${versionId === '' ? '' : `, version ${versionId}`}`),
  );
}

/**
 * Returns the source that a document describes, and has the chain know what is to come on the way to `grant`.
 *
 * @throws {VendError} `credential_invalid`
 */
export async function openDocument(
  { text, holder }: DocumentText,
  { chain, grant }: { readonly chain: Chain; readonly grant: Grant },
  sources: SourceDependencies,
): Promise<TokenSource> {
  const document = readFields(text);
  chain.expect(expectedLinks(document, grant));
  return await chain.run(
    'document',
    () => openTokenSource(text, holder, sources),
    () => ok(describeDocument(document)),
  );
}
