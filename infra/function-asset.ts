import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DockerImage } from 'aws-cdk-lib';
import { type AssetCode, Code } from 'aws-cdk-lib/aws-lambda';
import type { Profile, ProfilesDocument } from '../lambda/policy/profiles.ts';
import { bundleFunction, CALL_ENTRY, FUNCTION_ENTRY, KEYLESS_ENTRY } from './bundle.ts';

/** What the function is to have in it. */
export type FunctionContent = {
  readonly profiles: ProfilesDocument;
  /** Whether a credential is in a secret; without one, the client for Secrets Manager is left out. */
  readonly readsSecrets: boolean;
};

function sortKeys(_key: string, value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
}

/** Returns the profiles as they travel with the function: without `$schema`, names and fields in sorted order. */
export function profilesJson({ $schema: _, ...profiles }: ProfilesDocument): string {
  return `${JSON.stringify(profiles, sortKeys, 2)}\n`;
}

function withProfiles(entry: string, profiles: ProfilesDocument): ReadonlyMap<string, string> {
  return new Map([...bundleFunction(entry), ['profiles.json', profilesJson(profiles)]]);
}

function hashOf(files: ReadonlyMap<string, string>): string {
  return createHash('sha256')
    .update(JSON.stringify([...files].sort()))
    .digest('hex');
}

function assetOf(files: ReadonlyMap<string, string>): AssetCode {
  const tryBundle = (directory: string) => {
    for (const [name, text] of files) {
      writeFileSync(join(directory, name), text);
    }
    return true;
  };
  return Code.fromAsset(dirname(FUNCTION_ENTRY), {
    assetHash: hashOf(files),
    bundling: { image: DockerImage.fromRegistry('none'), local: { tryBundle } },
  });
}

/**
 * Returns the function's code as an asset: the files of its bundle and `profiles.json`. Its hash is that of its content.
 *
 * Profiles are in the asset, and not in the environment, because Lambda's environment ends at 4 KB.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
export function functionAsset({ profiles, readsSecrets }: FunctionContent): AssetCode {
  return assetOf(withProfiles(readsSecrets ? FUNCTION_ENTRY : KEYLESS_ENTRY, profiles));
}

/** Returns the code of a function that begins at `entry` as an asset: its bundle and nothing else. */
export function bundleAsset(entry: string): AssetCode {
  return assetOf(bundleFunction(entry));
}

/** Returns the code of the function that calls services for one profile, of which it has the audiences. */
export function callFunctionAsset({ name, audiences }: Pick<Profile, 'name' | 'audiences'>): AssetCode {
  return assetOf(withProfiles(CALL_ENTRY, { [name]: { audiences } }));
}
