import { Annotations } from 'aws-cdk-lib';
import type { ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { Profiles } from '../lambda/profiles.ts';
import {
  type CredentialDocuments,
  type DocumentCredential,
  equipDocument,
  openDocument,
} from './credential-documents.ts';
import type { CredentialSecrets } from './credential-secrets.ts';
import { UsageError } from './usage-error.ts';

/** Credentials as they are given, by the names that profiles call them by: in a secret, or without one. */
export type GivenCredentials = Readonly<Record<string, ISecret | Secret | DocumentCredential>>;

/** The credentials that profiles mint from. */
export type Credentials = { readonly secrets: CredentialSecrets; readonly documents: CredentialDocuments };

function isDocument(given: GivenCredentials[string]): given is DocumentCredential {
  return 'document' in given || 'file' in given;
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
 * @throws {UsageError} if a profile names a credential that is not given, or a document is none that a template may have
 */
export function openCredentials(scope: Construct, profiles: Profiles, given: GivenCredentials): Credentials {
  const entries = Object.entries(given).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = entries.map(([name]) => name);
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
  return {
    secrets: Object.fromEntries(secrets.filter(([name]) => used.has(name))),
    documents: Object.fromEntries(
      documents
        .filter(([name]) => used.has(name))
        .map(([name, document]) => [name, equipDocument(scope, name, document)]),
    ),
  };
}
