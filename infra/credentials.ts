import { Annotations } from 'aws-cdk-lib';
import type { ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { Profiles } from '../lambda/policy/profiles.ts';
import {
  type CredentialDocuments,
  type DocumentCredential,
  equipDocument,
  openDocument,
} from './credential-documents.ts';
import type { CredentialSecrets } from './credential-secrets.ts';
import { warnOfImpossible } from './profile-warnings.ts';
import { UsageError } from './usage-error.ts';

/** Credentials as they are given, by the names that profiles call them by: in a secret, or without one. */
export type GivenCredentials = Readonly<Record<string, ISecret | Secret | DocumentCredential>>;

/** The credentials that profiles mint from. */
export type Credentials = { readonly secrets: CredentialSecrets; readonly documents: CredentialDocuments };

function isDocument(given: GivenCredentials[string]): given is DocumentCredential {
  return 'document' in given || 'file' in given;
}

/** Without types anything may be given, and none of it is shown, which may be a secret. */
function refuseOther(name: string, given: unknown): void {
  const isObject = typeof given === 'object' && given !== null;
  const ways = isObject ? ['document', 'file', 'secretArn'].filter((field) => field in given) : [];
  const isNoPath = isObject && 'file' in given && (typeof given.file !== 'string' || given.file === '');
  if (ways.length !== 1 || isNoPath) {
    throw new UsageError(
      `The credential ${name} is neither a secret of Secrets Manager (the construct itself), nor { document: {…} }, nor { file: 'federation.json' }.`,
    );
  }
}

function refuseMissing(profiles: Profiles, known: readonly string[]): void {
  const missing = [...profiles.values()].filter(({ credential }) => !known.includes(credential));
  if (missing.length > 0) {
    const faults = missing
      .map(({ name, credential }) => `  - ${name}.credential: "${credential}"`)
      .join('\n');
    throw new UsageError(
      `No credential of that name is given (there are: ${known.join(', ')}); leave the field out, or give the secret in the property credentials of GcpTokenVendor:\n${faults}`,
    );
  }
}

function warnOfUnused(scope: Construct, unused: readonly string[]): void {
  for (const name of unused) {
    Annotations.of(scope).addWarningV2(
      `gcp-token-vendor:unusedCredential:${name}`,
      `No profile mints from the credential "${name}", so the function does not get it.`,
    );
  }
}

/**
 * Returns those of the given credentials that a profile mints from, ready for the function. Each of the others leaves a
 * warning, and the function nothing that it could use it with.
 *
 * @throws {UsageError} if a profile names a credential that is not given, or what is given is neither a secret nor a document
 * that a template may have
 */
export function openCredentials(scope: Construct, profiles: Profiles, given: GivenCredentials): Credentials {
  const entries = Object.entries(given).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = entries.map(([name]) => name);
  for (const [name, credential] of entries) {
    refuseOther(name, credential);
  }
  const used = new Set([...profiles.values()].map(({ credential }) => credential));
  refuseMissing(profiles, names);
  warnOfUnused(
    scope,
    names.filter((name) => !used.has(name)),
  );
  const secrets = entries.flatMap(([name, credential]) =>
    isDocument(credential) ? [] : [[name, credential] as const],
  );
  // Those that are not used are judged, too.
  const documents = entries.flatMap(([name, credential]) =>
    isDocument(credential) ? [[name, openDocument(scope, name, credential)] as const] : [],
  );
  warnOfImpossible(scope, profiles, Object.fromEntries(documents));
  return {
    secrets: Object.fromEntries(secrets.filter(([name]) => used.has(name))),
    documents: Object.fromEntries(
      documents
        .filter(([name]) => used.has(name))
        .map(([name, document]) => [name, equipDocument(scope, name, document)]),
    ),
  };
}
