import { type Fields, fieldsOf, isFields } from '../fields.ts';

/**
 * One rule of a Credential Access Boundary, in Google's own words: a bucket, and the roles whose permissions the token
 * keeps there.
 *
 * @see https://cloud.google.com/iam/docs/downscoping-short-lived-credentials#components
 */
export type BoundaryRule = {
  /** `//storage.googleapis.com/projects/_/buckets/NAME` */
  readonly availableResource: string;
  /** `inRole:roles/storage.objectViewer` and its like. */
  readonly availablePermissions: readonly string[];
  /** A condition in CEL that narrows the rule, to a prefix of object names for example. */
  readonly availabilityCondition?: {
    readonly expression: string;
    readonly title?: string;
    readonly description?: string;
  };
};

type Report = (fault: string) => void;

const MAX_RULES = 10;
const MAX_CHARACTERS = 2_048;
const BUCKET = /^\/\/storage\.googleapis\.com\/projects\/_\/buckets\/[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/;
const PERMISSION = /^inRole:(?:roles|projects\/[\w:.-]+\/roles|organizations\/\d+\/roles)\/[\w.]+$/;
const RULE_FIELDS: ReadonlySet<string> = new Set([
  'availableResource',
  'availablePermissions',
  'availabilityCondition',
]);
const CONDITION_FIELDS: ReadonlySet<string> = new Set(['expression', 'title', 'description']);

function refuseUnknown(fields: Fields, known: ReadonlySet<string>, where: string, report: Report): void {
  for (const field of Object.keys(fields).filter((field) => !known.has(field))) {
    report(`${where}.${field}: is not a field here (${[...known].join(', ')})`);
  }
}

function parseCondition(value: unknown, where: string, report: Report): Fields {
  if (value === undefined) {
    return {};
  }
  const fields = fieldsOf(value);
  const { expression, title, description } = fields;
  refuseUnknown(fields, CONDITION_FIELDS, where, report);
  if (typeof expression !== 'string' || expression === '') {
    report(`${where}.expression: must be a condition in CEL, such as resource.name.startsWith('…')`);
  }
  for (const [name, text] of Object.entries({ title, description })) {
    if (text !== undefined && typeof text !== 'string') {
      report(`${where}.${name}: must be a string`);
    }
  }
  return { availabilityCondition: { expression, title, description } };
}

function parseRule(rule: unknown, where: string, report: Report): Fields {
  if (!isFields(rule)) {
    report(`${where}: must be an object with availableResource and availablePermissions`);
    return {};
  }
  const { availableResource, availablePermissions, availabilityCondition } = rule;
  refuseUnknown(rule, RULE_FIELDS, where, report);
  if (typeof availableResource !== 'string' || !BUCKET.test(availableResource)) {
    report(
      `${where}.availableResource: must be //storage.googleapis.com/projects/_/buckets/NAME; only Cloud Storage can be bounded`,
    );
  }
  const permissions: readonly unknown[] = Array.isArray(availablePermissions) ? availablePermissions : [];
  const sound = permissions.filter((name) => typeof name === 'string' && PERMISSION.test(name));
  if (sound.length === 0 || sound.length !== permissions.length) {
    report(`${where}.availablePermissions: must be a list such as ["inRole:roles/storage.objectViewer"]`);
  }
  return {
    availableResource,
    availablePermissions,
    ...parseCondition(availabilityCondition, `${where}.availabilityCondition`, report),
  };
}

/**
 * Returns the boundary that a profile's rules describe, as the canonical JSON that Google's STS takes in `options`, or
 * `undefined` for none. Google's own limits are told at once: 10 rules, 2,048 characters, Cloud Storage only.
 *
 * @see https://cloud.google.com/iam/docs/downscoping-short-lived-credentials#limits
 */
export function parseBoundary(value: unknown, where: string, report: Report): string | undefined {
  if (value === undefined) {
    return undefined;
  }
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_RULES) {
    const count = Array.isArray(value) ? ` (there are ${value.length})` : '';
    report(`${where}: must be a list of 1 to ${MAX_RULES} rules; Google takes no more${count}`);
    return undefined;
  }
  const accessBoundaryRules = value.map((rule: unknown, index) =>
    parseRule(rule, `${where}[${index}]`, report),
  );
  const boundary = JSON.stringify({ accessBoundary: { accessBoundaryRules } });
  if (boundary.length > MAX_CHARACTERS) {
    report(`${where}: is ${boundary.length} characters long as JSON; Google takes ${MAX_CHARACTERS}`);
  }
  return boundary;
}
