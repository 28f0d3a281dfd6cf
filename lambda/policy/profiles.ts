import { fieldsOf, isFields } from '../fields.ts';
import { type AudiencePolicy, audiencePatternFault, compileAudiences } from './audiences.ts';
import {
  MINTING_FIELDS,
  type ProfileMinting,
  type ProfileMintingDocument,
  parseMinting,
  parseStrings,
} from './profile-minting.ts';
import { expandScopes, isScope } from './scopes.ts';

/** One profile as people write it, in JSON or as the construct's prop. */
export type ProfileDocument = ProfileMintingDocument & {
  /** For people; not used. */
  readonly description?: string;
  /**
   * The name of the credential that tokens are minted from.
   * @default "default"
   */
  readonly credential?: string;
  /**
   * Scopes that access tokens may have: Google's URIs, `openid`, `email`, `profile`, or gcloud's aliases.
   * @default none: no access tokens
   */
  readonly scopes?: readonly string[];
  /**
   * Audiences that ID tokens may have: exact, or with `*` for a part of a host label or path segment.
   * @default none: no ID tokens
   */
  readonly audiences?: readonly string[];
};

/** The profiles by name; `$schema` is for editors. */
export type ProfilesDocument = { readonly [name: string]: ProfileDocument };

/** A named set of what may be vended, ready to be asked. */
export type Profile = ProfileMinting & {
  readonly name: string;
  /** The name of its credential. */
  readonly credential: string;
  /** The expanded scopes, sorted. */
  readonly scopes: readonly string[];
  readonly audiences: readonly string[];
  readonly allowsAudience: AudiencePolicy;
};

export type Profiles = ReadonlyMap<string, Profile>;

/** Every fault of a profiles document at once, each with the place where it is. */
export class ProfilesError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `The profiles have ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    );
    this.name = 'ProfilesError';
    this.faults = faults;
  }
}

const NAME = /^[a-z][a-z0-9_-]{0,62}$/;
const FIELDS: ReadonlySet<string> = new Set([
  'description',
  'credential',
  'scopes',
  'audiences',
  ...MINTING_FIELDS,
]);

type Report = (fault: string) => void;

function parseScopes(value: unknown, where: string, report: Report): readonly string[] {
  const scopes = parseStrings(value, where, report);
  for (const scope of scopes.filter((scope) => !isScope(scope))) {
    report(
      `${where}: ${JSON.stringify(scope)} is neither a scope URI of Google's (https://www.googleapis.com/auth/…), nor openid, email or profile, nor an alias of gcloud's (storage-ro)`,
    );
  }
  return expandScopes(scopes);
}

function parseAudiences(value: unknown, where: string, report: Report): readonly string[] {
  const audiences = parseStrings(value, where, report);
  for (const pattern of audiences) {
    const fault = audiencePatternFault(pattern);
    if (fault !== undefined) {
      report(`${where}: ${JSON.stringify(pattern)} ${fault}`);
    }
  }
  return audiences;
}

function parseCredentialName(value: unknown, where: string, report: Report): string {
  if (value === undefined) {
    return 'default';
  }
  if (typeof value !== 'string' || !NAME.test(value)) {
    report(`${where}: must be the name of a credential (${NAME.source})`);
    return 'default';
  }
  return value;
}

function parseProfile(name: string, value: unknown, report: Report): Profile {
  const fields = fieldsOf(value);
  if (!isFields(value)) {
    report(`${name}: must be an object with "scopes", "audiences" or both`);
  } else if (fields.scopes === undefined && fields.audiences === undefined) {
    report(`${name}: names neither "scopes" nor "audiences", so there is nothing that it could vend`);
  }
  for (const field of Object.keys(fields).filter((field) => !FIELDS.has(field))) {
    report(`${name}.${field}: is not a field of a profile (${[...FIELDS].join(', ')})`);
  }
  if (fields.description !== undefined && typeof fields.description !== 'string') {
    report(`${name}.description: must be a string`);
  }
  const audiences = parseAudiences(fields.audiences, `${name}.audiences`, report);
  return {
    name,
    credential: parseCredentialName(fields.credential, `${name}.credential`, report),
    scopes: parseScopes(fields.scopes, `${name}.scopes`, report),
    audiences,
    allowsAudience: compileAudiences(audiences),
    ...parseMinting(value, name, report),
  };
}

/**
 * Returns the profiles that a parsed JSON document describes. The same function judges the file at synth, in the
 * local vendor and in the function itself, so that what is refused at one place is refused at all.
 *
 * @throws {ProfilesError} with every fault of the document
 */
export function parseProfiles(document: unknown): Profiles {
  const faults: string[] = [];
  const report: Report = (fault) => faults.push(fault);
  if (!isFields(document)) {
    throw new ProfilesError(['the document must be an object of profiles by name']);
  }
  const entries = Object.entries(document).filter(([name]) => name !== '$schema');
  for (const [name] of entries.filter(([name]) => !NAME.test(name))) {
    report(`${JSON.stringify(name)}: is no name for a profile (${NAME.source})`);
  }
  if (entries.length === 0) {
    report('the document has no profile');
  }
  const profiles = new Map(entries.map(([name, value]) => [name, parseProfile(name, value, report)]));
  if (faults.length > 0) {
    throw new ProfilesError(faults);
  }
  return profiles;
}
