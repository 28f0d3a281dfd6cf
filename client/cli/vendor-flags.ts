import type { Command } from 'commander';
import { collectValues } from './collect-values.ts';

/** The flags that say which vendor is asked, and for which profiles: good before the command's name and behind it. */
export type VendorFlags = {
  readonly url?: string;
  readonly function?: string;
  readonly profile?: readonly string[];
  readonly region?: string;
};

export const VENDOR_FLAGS_HEADING = 'The vendor:';

/** Adds the flags to a command, of which `several` takes more than one profile. */
export function addVendorFlags(command: Command, { several = false } = {}): Command {
  const profiles = several
    ? 'profile of the vendor; the first is the default account, each further one another account'
    : 'profile of the vendor (GCP_TOKEN_PROFILE; default)';
  return command
    .optionsGroup(VENDOR_FLAGS_HEADING)
    .option('--url <url>', 'the HTTP API: the stack’s output TokenApiUrl (GCP_TOKEN_URL)')
    .option('--function <name>', 'or the function: its name or ARN (GCP_TOKEN_FUNCTION)')
    .option('--profile <name>', profiles, collectValues)
    .option('--region <region>', 'its AWS region, if neither its address nor your AWS configuration says it')
    .optionsGroup('Options:');
}

/** Returns a command's flags, with those for the vendor from before its name where it has none itself. */
export function flagsOf<Flags>(command: Command): Flags & VendorFlags {
  return { ...command.parent?.opts(), ...command.opts() } as Flags & VendorFlags;
}
