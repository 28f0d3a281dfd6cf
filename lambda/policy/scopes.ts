const AUTH = 'https://www.googleapis.com/auth/';

const DEFAULT_SCOPES = [
  'devstorage.read_only',
  'logging.write',
  'monitoring.write',
  'pubsub',
  'service.management.readonly',
  'servicecontrol',
  'trace.append',
];

const GKE_DEFAULT_SCOPES = [
  'devstorage.read_only',
  'logging.write',
  'monitoring',
  'service.management.readonly',
  'servicecontrol',
  'trace.append',
];

/** gcloud's short names for scopes; the suffixes follow {@link AUTH}. */
const ALIASES: ReadonlyMap<string, readonly string[]> = new Map([
  ['bigquery', ['bigquery']],
  ['cloud-platform', ['cloud-platform']],
  ['cloud-source-repos', ['source.full_control']],
  ['cloud-source-repos-ro', ['source.read_only']],
  ['compute-ro', ['compute.readonly']],
  ['compute-rw', ['compute']],
  ['datastore', ['datastore']],
  ['default', DEFAULT_SCOPES],
  ['gke-default', GKE_DEFAULT_SCOPES],
  ['logging-write', ['logging.write']],
  ['monitoring', ['monitoring']],
  ['monitoring-read', ['monitoring.read']],
  ['monitoring-write', ['monitoring.write']],
  ['pubsub', ['pubsub']],
  ['service-control', ['servicecontrol']],
  ['service-management', ['service.management.readonly']],
  ['sql', ['sqlservice']],
  ['sql-admin', ['sqlservice.admin']],
  ['storage-full', ['devstorage.full_control']],
  ['storage-ro', ['devstorage.read_only']],
  ['storage-rw', ['devstorage.read_write']],
  ['taskqueue', ['taskqueue']],
  ['trace', ['trace.append']],
  ['userinfo-email', ['userinfo.email']],
]);

const OPENID_SCOPES: ReadonlySet<string> = new Set(['openid', 'email', 'profile']);

/** Google's scopes are https URIs on its own domains; a few older APIs use another host than `www.googleapis.com`. */
const SCOPE_URI = /^https:\/\/(?:[a-z0-9-]+\.)+?(?:googleapis|google)\.com\/[\w.~/-]*$/;
const MAX_SCOPE_LENGTH = 256;

/** Returns whether `text` is a scope URI of Google's, an OpenID Connect scope, or one of gcloud's aliases. */
export function isScope(text: string): boolean {
  return (
    text.length <= MAX_SCOPE_LENGTH && (ALIASES.has(text) || OPENID_SCOPES.has(text) || SCOPE_URI.test(text))
  );
}

/** Returns gcloud's short names for scopes, in their order. */
export function scopeAliases(): readonly string[] {
  return [...ALIASES.keys()];
}

/**
 * Returns the set that `scopes` stand for: aliases become their URIs, each scope is there once, in sorted order.
 * Two lists that mean the same give the same array.
 *
 * @see https://cloud.google.com/sdk/gcloud/reference/compute/instances/create#--scopes the aliases
 */
export function expandScopes(scopes: readonly string[]): readonly string[] {
  const expanded = scopes.flatMap((scope) => ALIASES.get(scope)?.map((suffix) => AUTH + suffix) ?? [scope]);
  return [...new Set(expanded)].sort();
}
