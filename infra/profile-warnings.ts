import { Annotations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { isUnusual } from '../lambda/policy/lifetimes.ts';
import type { Profile, Profiles } from '../lambda/policy/profiles.ts';
import type { CredentialDocuments } from './credential-documents.ts';
import { isBareFederation, type KeylessDocument } from './keyless-document.ts';

/** What a credential is, and what it cannot do of what a profile has. */
type Limits = { readonly holder: string; readonly fields: readonly string[]; readonly way: string };

function limitsOf(profile: Profile, document: KeylessDocument): Limits {
  const lifetime = isUnusual({ lifetimeSeconds: profile.maxLifetimeSeconds }) ? ['maxLifetime'] : [];
  if (isBareFederation(document)) {
    const { audiences, subjects, selfSigned } = profile;
    return {
      holder:
        'a federation that impersonates no service account vends access tokens of its own, for an hour, and nothing else',
      fields: [
        ...(audiences.length > 0 ? ['audiences'] : []),
        ...(subjects.length > 0 ? ['subjects'] : []),
        ...(selfSigned ? ['selfSigned'] : []),
        ...lifetime,
      ],
      way: 'with "impersonate" in the profile, or with service_account_impersonation_url in the document (gcloud\'s option --service-account)',
    };
  }
  const isAlone = document.source.kind === 'aws_kms' && document.impersonation === undefined;
  return {
    holder: "tokens of a key's own account live for an hour",
    fields: isAlone && !profile.selfSigned ? lifetime : [],
    way: 'with "impersonate" in the profile',
  };
}

/**
 * Warns of each profile that allows what its credential's document cannot do, which the function will refuse; the table in
 * docs/credentials.md says what can. Of what is in a secret nothing is known.
 */
export function warnOfImpossible(scope: Construct, profiles: Profiles, documents: CredentialDocuments): void {
  for (const profile of profiles.values()) {
    const document = documents[profile.credential];
    if (document === undefined || profile.impersonate !== undefined) {
      continue;
    }
    const { holder, fields, way } = limitsOf(profile, document);
    if (fields.length > 0) {
      Annotations.of(scope).addWarningV2(
        `gcp-token-vendor:impossible:${profile.name}`,
        `The profile ${profile.name} allows more than the credential ${profile.credential} can do (${fields.join(', ')}): ${holder}, and the function will refuse what goes beyond it. Impersonate a service account: ${way}.`,
      );
    }
  }
}
