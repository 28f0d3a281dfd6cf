import { type Fields, fieldsOf, isFields } from '../fields.ts';
import type { Impersonation } from '../types.ts';
import { type BoundaryRule, parseBoundary } from './boundary.ts';
import { isLifetime, MAX_SECONDS, MIN_SECONDS, USUAL_SECONDS } from './lifetimes.ts';
import { isServiceAccountEmail } from './service-account-email.ts';
import { compileSubjects, type SubjectPolicy, subjectPatternFault } from './subjects.ts';

/** How a profile's tokens are minted, as people write it beside its scopes and audiences. */
export type ProfileMintingDocument = {
  /**
   * The service account that the credential acts as, and the accounts in between, the credential's nearest first.
   * @default - the credential itself
   */
  readonly impersonate?: { readonly serviceAccount: string; readonly delegates?: readonly string[] };
  /**
   * Users that a request may name as `subject`, by domain-wide delegation: e-mail addresses, exact or with one `*`
   * before the `@`.
   * @default none
   */
  readonly subjects?: readonly string[];
  /**
   * The longest that an access token may live, in seconds from 600 to 43,200. With it, a request may choose a `lifetime`.
   * @default - what is usual for the credential, an hour; a request may not choose
   */
  readonly maxLifetime?: number;
  /**
   * Whether access tokens are JWTs that the account itself signs, in the place of Google's. Google's APIs take them; Cloud
   * Run, Cloud Functions and IAP do not.
   * @default false
   */
  readonly selfSigned?: boolean;
  /**
   * The rules that access tokens are downscoped to: at most 10, for Cloud Storage alone.
   * @default none: a token may do whatever its scopes and its account may
   */
  readonly boundary?: readonly BoundaryRule[];
};

/** How a profile's tokens are minted. */
export type ProfileMinting = {
  readonly impersonate: Impersonation | undefined;
  readonly subjects: readonly string[];
  readonly allowsSubject: SubjectPolicy;
  readonly maxLifetimeSeconds: number | undefined;
  readonly selfSigned: boolean;
  /** Canonical JSON. */
  readonly boundary: string | undefined;
};

export const MINTING_FIELDS = ['impersonate', 'subjects', 'maxLifetime', 'selfSigned', 'boundary'] as const;

/** Those that say something of access tokens alone. */
const ACCESS_TOKEN_FIELDS = ['subjects', 'maxLifetime', 'selfSigned', 'boundary'] as const;

const MAX_DELEGATES = 10;

type Report = (fault: string) => void;

/** Returns the strings of a list, which may not be empty or hold one twice. */
export function parseStrings(value: unknown, where: string, report: Report): readonly string[] {
  if (value === undefined) {
    return [];
  }
  if (!Array.isArray(value) || value.length === 0) {
    report(`${where}: must be a list of one or more strings; leave it out to allow none`);
    return [];
  }
  const seen = new Set<unknown>();
  return value.filter((item: unknown, index): item is string => {
    if (typeof item !== 'string') {
      report(`${where}[${index}]: must be a string`);
      return false;
    }
    if (seen.has(item)) {
      report(`${where}[${index}]: ${JSON.stringify(item)} is there twice`);
    }
    seen.add(item);
    return true;
  });
}

function parseAccount(value: unknown, where: string, report: Report): string {
  if (isServiceAccountEmail(value)) {
    return value;
  }
  report(
    `${where}: must be the e-mail address of a service account, such as reader@example-project.iam.gserviceaccount.com`,
  );
  return '';
}

function parseImpersonate(value: unknown, where: string, report: Report): Impersonation | undefined {
  if (value === undefined) {
    return undefined;
  }
  if (!isFields(value)) {
    report(`${where}: must be an object with "serviceAccount" and, for a chain, "delegates"`);
    return undefined;
  }
  for (const field of Object.keys(value).filter(
    (name) => name !== 'serviceAccount' && name !== 'delegates',
  )) {
    report(`${where}.${field}: is not a field here (serviceAccount, delegates)`);
  }
  const delegates = parseStrings(value.delegates, `${where}.delegates`, report);
  if (delegates.length > MAX_DELEGATES) {
    report(`${where}.delegates: has ${delegates.length} accounts; ${MAX_DELEGATES} are the most`);
  }
  // By its place in the list as it was written, where something may stand that is no string.
  const written: readonly unknown[] = Array.isArray(value.delegates) ? value.delegates : [];
  return {
    serviceAccount: parseAccount(value.serviceAccount, `${where}.serviceAccount`, report),
    delegates: written.flatMap((delegate, index) =>
      typeof delegate === 'string' ? [parseAccount(delegate, `${where}.delegates[${index}]`, report)] : [],
    ),
  };
}

function parseSubjects(value: unknown, where: string, report: Report): readonly string[] {
  const subjects = parseStrings(value, where, report);
  for (const pattern of subjects) {
    const fault = subjectPatternFault(pattern);
    if (fault !== undefined) {
      report(`${where}: ${JSON.stringify(pattern)} ${fault}`);
    }
  }
  return subjects;
}

function parseMaxLifetime(value: unknown, where: string, report: Report): number | undefined {
  if (value === undefined || isLifetime(value)) {
    return value;
  }
  report(`${where}: must be a whole number of seconds from ${MIN_SECONDS} to ${MAX_SECONDS}`);
  return undefined;
}

function parseSelfSigned(value: unknown, where: string, report: Report): boolean {
  if (value !== undefined && typeof value !== 'boolean') {
    report(`${where}: must be true or false`);
  }
  return value === true;
}

/** What each allows alone, and Google cannot do together. */
function reportConflicts(fields: Fields, name: string, report: Report): void {
  const { scopes, subjects, selfSigned, boundary } = fields;
  const maxLifetime = typeof fields.maxLifetime === 'number' ? fields.maxLifetime : USUAL_SECONDS;
  for (const field of ACCESS_TOKEN_FIELDS.filter((field) => fields[field] !== undefined)) {
    if (scopes === undefined) {
      report(`${name}.${field}: is about access tokens, and without "scopes" the profile has none`);
    }
  }
  if (selfSigned === true && subjects !== undefined) {
    report(`${name}.selfSigned: a self-signed JWT cannot act for a user; leave out one of it and "subjects"`);
  }
  if (selfSigned === true && boundary !== undefined) {
    report(`${name}.selfSigned: a self-signed JWT cannot be downscoped; leave out one of it and "boundary"`);
  }
  if (selfSigned === true && maxLifetime > USUAL_SECONDS) {
    report(`${name}.maxLifetime: a self-signed JWT lives for ${USUAL_SECONDS} seconds at the most`);
  }
  if (subjects !== undefined && maxLifetime < USUAL_SECONDS) {
    report(
      `${name}.maxLifetime: a token for a user always lives for ${USUAL_SECONDS} seconds, so with "subjects" it cannot be less`,
    );
  }
}

/** Returns how the profile `name` mints, from the fields of its document; faults are reported. */
export function parseMinting(value: unknown, name: string, report: Report): ProfileMinting {
  const fields = fieldsOf(value);
  reportConflicts(fields, name, report);
  const subjects = parseSubjects(fields.subjects, `${name}.subjects`, report);
  return {
    impersonate: parseImpersonate(fields.impersonate, `${name}.impersonate`, report),
    subjects,
    allowsSubject: compileSubjects(subjects),
    maxLifetimeSeconds: parseMaxLifetime(fields.maxLifetime, `${name}.maxLifetime`, report),
    selfSigned: parseSelfSigned(fields.selfSigned, `${name}.selfSigned`, report),
    boundary: parseBoundary(fields.boundary, `${name}.boundary`, report),
  };
}
