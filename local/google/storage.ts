import type { BoundaryRule } from './access-boundary.ts';
import type { AccessTokens } from './access-tokens.ts';
import { apiError } from './api-error.ts';
import { type Answer, bearerToken, type GoogleRequest, type Route } from './route.ts';
import { describeBucket, describeObject, downloadObject, OBJECT_NAME } from './storage-resources.ts';

const AUTH = 'https://www.googleapis.com/auth/';
const SUFFICIENT_SCOPES: ReadonlySet<string> = new Set([
  `${AUTH}cloud-platform`,
  `${AUTH}cloud-platform.read-only`,
  `${AUTH}devstorage.full_control`,
  `${AUTH}devstorage.read_write`,
  `${AUTH}devstorage.read_only`,
]);
const OBJECT_ROLES: readonly string[] = [
  'inRole:roles/storage.admin',
  'inRole:roles/storage.objectAdmin',
  'inRole:roles/storage.objectViewer',
];
const BUCKET_ROLES: readonly string[] = [
  'inRole:roles/storage.admin',
  'inRole:roles/storage.legacyBucketReader',
];

/** A method of the API: its permission, and the roles of an access boundary that have it; none for what is of no bucket. */
type Method = { readonly permission: string; readonly roles: readonly string[] };

const LIST_BUCKETS: Method = { permission: 'storage.buckets.list', roles: [] };
const GET_BUCKET: Method = { permission: 'storage.buckets.get', roles: BUCKET_ROLES };
const LIST_OBJECTS: Method = { permission: 'storage.objects.list', roles: OBJECT_ROLES };
const GET_OBJECT: Method = { permission: 'storage.objects.get', roles: OBJECT_ROLES };

/** A rule with a condition is about some objects of the bucket, which nobody here can judge, and so admits nothing. */
function admits(rule: BoundaryRule, bucket: string, { roles }: Method): boolean {
  return (
    rule.bucket === bucket && !rule.isConditional && rule.permissions.some((name) => roles.includes(name))
  );
}

/** Returns a refusal, or `undefined` for a living token whose scopes, and whose boundary if it has one, reach that far. */
function refusal(accessTokens: AccessTokens, request: GoogleRequest, method: Method): Answer | undefined {
  const record = accessTokens.findBounded(bearerToken(request) ?? '');
  if (record === undefined) {
    return apiError({ code: 401, status: 'UNAUTHENTICATED', message: 'Invalid Credentials' });
  }
  const { scopes, boundary } = record;
  const isAdmitted =
    scopes.some((scope) => SUFFICIENT_SCOPES.has(scope)) &&
    (boundary === undefined || boundary.some((rule) => admits(rule, request.params.bucket ?? '', method)));
  return isAdmitted
    ? undefined
    : apiError({
        code: 403,
        status: 'PERMISSION_DENIED',
        message: `The caller does not have ${method.permission} access to the Google Cloud Storage bucket.`,
      });
}

function listBuckets({ query }: GoogleRequest): Answer {
  const project = query.get('project') ?? '';
  return project === ''
    ? apiError({ code: 400, status: 'INVALID_ARGUMENT', message: 'Required parameter: project' })
    : { status: 200, body: { kind: 'storage#buckets', items: [describeBucket(`${project}-data`)] } };
}

function listObjects({ params, query }: GoogleRequest, origin: string): Answer {
  const { bucket = '' } = params;
  const isWanted = OBJECT_NAME.startsWith(query.get('prefix') ?? '');
  const items = isWanted ? [describeObject(bucket, origin)] : [];
  return { status: 200, body: { kind: 'storage#objects', items } };
}

function getObject({ params, query }: GoogleRequest, origin: string): Answer {
  const { bucket = '', object = '' } = params;
  if (object !== OBJECT_NAME) {
    return apiError({ code: 404, status: 'NOT_FOUND', message: `No such object: ${bucket}/${object}` });
  }
  return query.get('alt') === 'media'
    ? downloadObject()
    : { status: 200, body: describeObject(bucket, origin) };
}

/**
 * Returns what of Cloud Storage's JSON API reads: each project has one bucket, and whatever bucket has one object, for whoever
 * brings a living access token whose scopes and whose access boundary, if it has one, reach that far.
 *
 * @see https://cloud.google.com/storage/docs/json_api/v1
 */
export function createStorageRoutes(accessTokens: AccessTokens, origin: () => string): readonly Route[] {
  const route = (
    path: string,
    method: Method,
    answer: (request: GoogleRequest, origin: string) => Answer,
  ): Route => ({
    method: 'GET',
    path,
    handle: (request) => refusal(accessTokens, request, method) ?? answer(request, origin()),
  });

  return [
    route('/storage/v1/b', LIST_BUCKETS, listBuckets),
    route('/storage/v1/b/{bucket}', GET_BUCKET, ({ params }) => ({
      status: 200,
      body: describeBucket(params.bucket ?? ''),
    })),
    route('/storage/v1/b/{bucket}/o', LIST_OBJECTS, listObjects),
    route('/storage/v1/b/{bucket}/o/{object}', GET_OBJECT, getObject),
    route('/download/storage/v1/b/{bucket}/o/{object}', GET_OBJECT, getObject),
  ];
}
