import type { BoundaryRule } from './access-boundary.ts';
import type { AccessTokens } from './access-tokens.ts';
import { apiError } from './api-error.ts';
import { bearerToken, type Route } from './route.ts';

const AUTH = 'https://www.googleapis.com/auth/';
const SUFFICIENT_SCOPES: ReadonlySet<string> = new Set([
  `${AUTH}cloud-platform`,
  `${AUTH}cloud-platform.read-only`,
  `${AUTH}devstorage.full_control`,
  `${AUTH}devstorage.read_write`,
  `${AUTH}devstorage.read_only`,
]);
const LISTING_ROLES: ReadonlySet<string> = new Set([
  'inRole:roles/storage.admin',
  'inRole:roles/storage.objectAdmin',
  'inRole:roles/storage.objectViewer',
]);

/** A rule with a condition is about some objects of the bucket, and so admits no list of all of them. */
function admitsListing(rule: BoundaryRule, bucket: string): boolean {
  return (
    rule.bucket === bucket && !rule.isConditional && rule.permissions.some((name) => LISTING_ROLES.has(name))
  );
}

/**
 * Returns the route of Cloud Storage's `objects.list`, which lists one object in whatever bucket, to whoever brings a living
 * access token whose scopes and whose access boundary, if it has one, reach that far.
 *
 * @see https://cloud.google.com/storage/docs/json_api/v1/objects/list
 */
export function createStorageRoutes(accessTokens: AccessTokens): readonly Route[] {
  const handle: Route['handle'] = (request) => {
    const bucket = request.params.bucket ?? '';
    const record = accessTokens.findBounded(bearerToken(request) ?? '');
    if (record === undefined) {
      return apiError({ code: 401, status: 'UNAUTHENTICATED', message: 'Invalid Credentials' });
    }
    const { scopes, boundary } = record;
    const isAdmitted =
      scopes.some((scope) => SUFFICIENT_SCOPES.has(scope)) &&
      (boundary === undefined || boundary.some((rule) => admitsListing(rule, bucket)));
    if (!isAdmitted) {
      const message = `The caller does not have storage.objects.list access to the Google Cloud Storage bucket.`;
      return apiError({ code: 403, status: 'PERMISSION_DENIED', message });
    }
    const items = [{ kind: 'storage#object', bucket, name: 'hello.txt', size: '6' }];
    return { status: 200, body: { kind: 'storage#objects', items } };
  };

  return [{ method: 'GET', path: '/storage/v1/b/{bucket}/o', handle }];
}
