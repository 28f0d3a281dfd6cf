import { createHash } from 'node:crypto';
import type { AccessTokens } from './access-tokens.ts';
import { apiError } from './api-error.ts';
import { type Answer, bearerToken, type Route } from './route.ts';

const ROOT = 'https://www.googleapis.com/compute/v1';
const AUTH = 'https://www.googleapis.com/auth/';
const SUFFICIENT_SCOPES: ReadonlySet<string> = new Set([
  `${AUTH}compute`,
  `${AUTH}compute.readonly`,
  `${AUTH}cloud-platform`,
  `${AUTH}cloud-platform.read-only`,
]);
const METHOD = { service: 'compute.googleapis.com', method: 'compute.v1.InstancesService.List' } as const;
const INSTANCES = [
  { name: 'web-1', machineType: 'e2-medium', status: 'RUNNING', address: '10.132.0.2' },
  { name: 'batch-1', machineType: 'n2-standard-4', status: 'TERMINATED', address: '10.132.0.3' },
] as const;

function unauthenticated(): Answer {
  return apiError({
    code: 401,
    status: 'UNAUTHENTICATED',
    message:
      'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.',
    legacy: {
      message: 'Invalid Credentials',
      domain: 'global',
      reason: 'authError',
      location: 'Authorization',
      locationType: 'header',
    },
    reason: 'ACCESS_TOKEN_TYPE_UNSUPPORTED',
    metadata: METHOD,
    headers: { 'www-authenticate': 'Bearer realm="https://accounts.google.com/", error="invalid_token"' },
  });
}

function scopeInsufficient(): Answer {
  return apiError({
    code: 403,
    status: 'PERMISSION_DENIED',
    message: 'Request had insufficient authentication scopes.',
    legacy: { message: 'Insufficient Permission', domain: 'global', reason: 'insufficientPermissions' },
    reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
    metadata: METHOD,
    headers: {
      'www-authenticate': `Bearer realm="https://accounts.google.com/", error="insufficient_scope", scope="${[...SUFFICIENT_SCOPES].join(' ')}"`,
    },
  });
}

/** Nineteen digits that are the same for the same name, as the ids of real instances are. */
function numericId(text: string): string {
  return String(createHash('sha256').update(text).digest().readBigUInt64BE() % 10n ** 19n).padStart(19, '1');
}

function describeInstance(project: string, zone: string, instance: (typeof INSTANCES)[number]): object {
  const zoneUrl = `${ROOT}/projects/${project}/zones/${zone}`;
  const selfLink = `${zoneUrl}/instances/${instance.name}`;
  return {
    kind: 'compute#instance',
    id: numericId(selfLink),
    creationTimestamp: '2025-01-15T01:23:45.678-08:00',
    name: instance.name,
    machineType: `${zoneUrl}/machineTypes/${instance.machineType}`,
    status: instance.status,
    zone: zoneUrl,
    networkInterfaces: [
      {
        kind: 'compute#networkInterface',
        name: 'nic0',
        network: `${ROOT}/projects/${project}/global/networks/default`,
        networkIP: instance.address,
      },
    ],
    selfLink,
  };
}

/**
 * Returns the route of Compute Engine's `instances.list`, which lists two instances in whatever zone of whatever
 * project, to whoever brings a living access token with a scope that reaches Compute Engine.
 *
 * @see https://cloud.google.com/compute/docs/reference/rest/v1/instances/list
 */
export function createComputeRoutes(accessTokens: AccessTokens): readonly Route[] {
  const handle: Route['handle'] = (request) => {
    const { project = '', zone = '' } = request.params;
    const record = accessTokens.find(bearerToken(request) ?? '');
    if (record === undefined) {
      return unauthenticated();
    }
    if (!record.scopes.some((scope) => SUFFICIENT_SCOPES.has(scope))) {
      return scopeInsufficient();
    }
    const id = `projects/${project}/zones/${zone}/instances`;
    const items = INSTANCES.map((instance) => describeInstance(project, zone, instance));
    return { status: 200, body: { kind: 'compute#instanceList', id, items, selfLink: `${ROOT}/${id}` } };
  };

  return [{ method: 'GET', path: '/compute/v1/projects/{project}/zones/{zone}/instances', handle }];
}
