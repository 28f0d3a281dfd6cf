import { type StsFault, stsFault } from './sts-answer.ts';

export type WebIdentityAlgorithm = 'RS256' | 'ES384';

/** What a caller of `GetWebIdentityToken` asks for. */
export type WebIdentityRequest = {
  readonly kind: 'request';
  /** One to ten. */
  readonly audiences: readonly [string, ...string[]];
  readonly algorithm: WebIdentityAlgorithm;
  /** 60 to 3,600. */
  readonly durationSeconds: number;
  readonly tags: Readonly<Record<string, string>>;
};

type Parameters = ReadonlyMap<string, string>;

const PARAMETER =
  /^(?:Audience\.member\.[1-9]\d?|SigningAlgorithm|DurationSeconds|Tags\.member\.[1-9]\d?\.(?:Key|Value))$/;
const TAG = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const DEFAULT_SECONDS = 300;

function invalid(member: string, constraint: string): StsFault {
  return stsFault(
    'ValidationError',
    `1 validation error detected: Value at '${member}' failed to satisfy constraint: ${constraint}`,
  );
}

/** Returns the members of a list, which are numbered from 1 without a gap. */
function members(parameters: Parameters, prefix: string, suffix = ''): readonly string[] {
  const values: string[] = [];
  for (;;) {
    const value = parameters.get(`${prefix}.member.${values.length + 1}${suffix}`);
    if (value === undefined) {
      return values;
    }
    values.push(value);
  }
}

function parseAudiences(parameters: Parameters): WebIdentityRequest['audiences'] | StsFault {
  const [first, ...others] = members(parameters, 'Audience');
  if (first === undefined) {
    return invalid('audience', 'Member must not be null');
  }
  if (others.length > 9) {
    return invalid('audience', 'Member must have length less than or equal to 10');
  }
  return [first, ...others].every((audience) => audience.length >= 1 && audience.length <= 1_000)
    ? [first, ...others]
    : invalid('audience', 'Member must have length between 1 and 1000');
}

function parseTags(parameters: Parameters): ReadonlyMap<string, string> | StsFault {
  const keys = members(parameters, 'Tags', '.Key');
  const values = members(parameters, 'Tags', '.Value');
  const tags = new Map(keys.map((key, index) => [key, values[index] ?? '']));
  const isSound = [...tags].every(
    ([key, value]) =>
      key.length >= 1 && key.length <= 128 && value.length <= 256 && TAG.test(key) && TAG.test(value),
  );
  return isSound && keys.length === values.length && tags.size === keys.length && keys.length <= 50
    ? tags
    : invalid(
        'tags',
        'At most 50 pairs of a Key (1 to 128 characters) and a Value (up to 256), each Key once',
      );
}

function parseDuration(text: string | undefined): number | StsFault {
  const seconds = text === undefined ? DEFAULT_SECONDS : Number(text);
  return (text === undefined || /^\d{1,9}$/.test(text)) && seconds >= 60 && seconds <= 3_600
    ? seconds
    : invalid('durationSeconds', 'Member must have value between 60 and 3600');
}

/**
 * Returns what is asked for, or the fault in it; a parameter that STS does not know is one.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
 */
export function parseWebIdentityRequest(parameters: Parameters): WebIdentityRequest | StsFault {
  const stranger = [...parameters.keys()].find((name) => !PARAMETER.test(name));
  if (stranger !== undefined) {
    return stsFault('ValidationError', `${stranger} is no parameter of GetWebIdentityToken.`);
  }
  const algorithm = parameters.get('SigningAlgorithm');
  if (algorithm !== 'RS256' && algorithm !== 'ES384') {
    return invalid('signingAlgorithm', 'Member must satisfy enum value set: [RS256, ES384]');
  }
  const audiences = parseAudiences(parameters);
  if ('kind' in audiences) {
    return audiences;
  }
  const durationSeconds = parseDuration(parameters.get('DurationSeconds'));
  if (typeof durationSeconds !== 'number') {
    return durationSeconds;
  }
  const tags = parseTags(parameters);
  return 'kind' in tags
    ? tags
    : { kind: 'request', audiences, algorithm, durationSeconds, tags: Object.fromEntries(tags) };
}
