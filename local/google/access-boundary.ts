import { isJsonObject, parseJsonObject } from './json-object.ts';
import { StsRefusal } from './sts-refusal.ts';

const MAX_RULES = 10;
const MAX_CHARACTERS = 2048;
const BUCKET = /^\/\/storage\.googleapis\.com\/projects\/_\/buckets\/([a-z0-9._-]+)$/;
const PERMISSION = /^inRole:(?:roles|projects\/[^/]+\/roles|organizations\/\d+\/roles)\/[\w.]+$/;

/** One rule of a Credential Access Boundary: what a downscoped token may still do. */
export type BoundaryRule = {
  readonly bucket: string;
  /** `inRole:roles/storage.objectViewer` and its like. */
  readonly permissions: readonly string[];
  /** Whether a condition narrows the rule further. */
  readonly isConditional: boolean;
};

function invalid(why: string): StsRefusal {
  return new StsRefusal('invalid_request', `Invalid access boundary: ${why}.`);
}

function decode(options: string): string {
  try {
    return decodeURIComponent(options);
  } catch {
    return options;
  }
}

function readRule(rule: unknown): BoundaryRule {
  const { availableResource, availablePermissions, availabilityCondition } = isJsonObject(rule) ? rule : {};
  const bucket = typeof availableResource === 'string' ? BUCKET.exec(availableResource)?.[1] : undefined;
  if (bucket === undefined) {
    throw invalid('availableResource must be //storage.googleapis.com/projects/_/buckets/NAME');
  }
  const permissions: readonly unknown[] = Array.isArray(availablePermissions) ? availablePermissions : [];
  const names = permissions.filter((name) => typeof name === 'string' && PERMISSION.test(name));
  if (names.length === 0 || names.length !== permissions.length) {
    throw invalid('availablePermissions must be a list of inRole:ROLE');
  }
  return { bucket, permissions: names.map(String), isConditional: availabilityCondition !== undefined };
}

/**
 * Returns the rules that the parameter `options` holds: `{"accessBoundary": {"accessBoundaryRules": […]}}`, URL-encoded or not.
 *
 * @throws {StsRefusal} `invalid_request` for more than ten rules, 2,048 characters, or anything but Cloud Storage
 * @see https://cloud.google.com/iam/docs/downscoping-short-lived-credentials#limits
 */
export function readAccessBoundary(options: string): readonly BoundaryRule[] {
  const text = decode(options);
  if (text.length > MAX_CHARACTERS) {
    throw invalid(`it has more than ${MAX_CHARACTERS} characters`);
  }
  const boundary = parseJsonObject(text)?.accessBoundary;
  const rules = isJsonObject(boundary) ? boundary.accessBoundaryRules : undefined;
  if (!Array.isArray(rules) || rules.length === 0 || rules.length > MAX_RULES) {
    throw invalid(`it must have 1 to ${MAX_RULES} accessBoundaryRules`);
  }
  return rules.map(readRule);
}
