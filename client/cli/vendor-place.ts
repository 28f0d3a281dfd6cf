import { CommandLineError } from './command-line-error.ts';
import type { VendorFlags } from './vendor-flags.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where something was said: a flag, a variable, or nowhere. */
export type Origin =
  | '--url'
  | '--function'
  | '--profile'
  | 'GCP_TOKEN_URL'
  | 'GCP_TOKEN_FUNCTION'
  | 'GCP_TOKEN_PROFILE'
  | 'default';

/** Which vendor is asked. */
export type VendorPlace = {
  readonly target: { readonly url: string } | { readonly functionName: string };
  readonly targetFrom: Origin;
  /** At least one; `undefined` is what the function's ARN names, or else `default`. */
  readonly profiles: readonly (string | undefined)[];
  readonly profilesFrom: Origin;
  readonly region: string | undefined;
};

const NO_VENDOR =
  'which vendor is to be asked? Give --url (the stack’s output TokenApiUrl) or --function (TokenFunctionName), or set GCP_TOKEN_URL or GCP_TOKEN_FUNCTION.';

function targetOf(
  url: string | undefined,
  functionName: string | undefined,
  names: readonly [Origin, Origin],
): Pick<VendorPlace, 'target' | 'targetFrom'> | undefined {
  if (url !== undefined && functionName !== undefined) {
    throw new CommandLineError(`${names[0]} and ${names[1]} are both there; give one of them.`);
  }
  if (url !== undefined) {
    return { target: { url }, targetFrom: names[0] };
  }
  return functionName === undefined ? undefined : { target: { functionName }, targetFrom: names[1] };
}

function profilesOf(
  { profile = [] }: VendorFlags,
  environment: Environment,
): Pick<VendorPlace, 'profiles' | 'profilesFrom'> {
  if (profile.length > 0) {
    return { profiles: [...new Set(profile)], profilesFrom: '--profile' };
  }
  const named = environment.GCP_TOKEN_PROFILE || undefined;
  return { profiles: [named], profilesFrom: named === undefined ? 'default' : 'GCP_TOKEN_PROFILE' };
}

/**
 * Returns the vendor that flags or, where they say nothing, the environment name. An empty variable is no setting.
 *
 * @throws {CommandLineError} if none is named, or two
 */
export function placeOf(flags: VendorFlags, environment: Environment): VendorPlace {
  const place =
    targetOf(flags.url, flags.function, ['--url', '--function']) ??
    targetOf(environment.GCP_TOKEN_URL || undefined, environment.GCP_TOKEN_FUNCTION || undefined, [
      'GCP_TOKEN_URL',
      'GCP_TOKEN_FUNCTION',
    ]);
  if (place === undefined) {
    throw new CommandLineError(NO_VENDOR);
  }
  return { ...place, ...profilesOf(flags, environment), region: flags.region };
}
