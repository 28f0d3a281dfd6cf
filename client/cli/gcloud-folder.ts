import { copyFileSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What in gcloud's settings chooses another account than the metadata server's. */
const OUTRANKING: ReadonlySet<string> = new Set([
  'core/account',
  'core/check_gce_metadata',
  'auth/access_token_file',
  'auth/authorization_token_file',
  'auth/credential_file_override',
  'auth/disable_credentials',
  'auth/impersonate_service_account',
]);

/** Which configuration is active, and what keeps gcloud from asking again, or from looking for updates, at each start. */
const COPIED = [
  'active_config',
  '.feature_flags_config.yaml',
  '.last_opt_in_prompt.yaml',
  '.last_survey_prompt.yaml',
  '.last_update_check.json',
  '.metricsUUID',
];

const CONFIGURATIONS = 'configurations';
const PRIVATE = 0o600;
/** For gcloud what it knows of where it runs is good for ten minutes after the file was written. */
const NEVER_STALE = new Date('2100-01-01T00:00:00Z');

/** Returns gcloud's own folder, as gcloud and Google's libraries find it. */
export function gcloudHome(environment: Readonly<Record<string, string | undefined>>): string {
  return environment.CLOUDSDK_CONFIG || join(environment.HOME || homedir(), '.config', 'gcloud');
}

/** Returns gcloud's settings without those that choose an account; all else holds as it did, a setting's further lines too. */
export function withoutAccount(settings: string): string {
  let section = '';
  let drops = false;
  const kept = settings.split('\n').filter((line) => {
    const [, heading] = /^\[([^\]]+)\]/.exec(line) ?? [];
    const [, name] = /^([^\s=:#;[][^=:]*?)\s*[=:]/.exec(line) ?? [];
    if (heading !== undefined) {
      section = heading.trim();
      drops = false;
    } else if (name !== undefined) {
      drops = OUTRANKING.has(`${section}/${name.toLowerCase()}`);
    } else {
      drops &&= /^\s+\S/.test(line);
    }
    return !drops;
  });
  return kept.join('\n');
}

function ifThere(work: () => void): void {
  try {
    work();
  } catch {
    // Most people have only some of these files.
  }
}

function copySettings(from: string, to: string): void {
  ifThere(() => writeFileSync(to, withoutAccount(readFileSync(from, 'utf8')), { mode: PRIVATE }));
}

/**
 * Fills an empty folder so that gcloud may use it for its own: with the user's settings (project, region, …) but for the account,
 * with none of the user's credentials, and knowing that there is a metadata server. What gcloud writes goes there as well.
 */
export function fillGcloudFolder(folder: string, home: string): void {
  copySettings(join(home, 'properties'), join(folder, 'properties'));
  mkdirSync(join(folder, CONFIGURATIONS));
  ifThere(() => {
    for (const name of readdirSync(join(home, CONFIGURATIONS))) {
      copySettings(join(home, CONFIGURATIONS, name), join(folder, CONFIGURATIONS, name));
    }
  });
  for (const name of COPIED) {
    ifThere(() => copyFileSync(join(home, name), join(folder, name)));
  }
  const onGce = join(folder, 'gce');
  writeFileSync(onGce, 'True', { mode: PRIVATE });
  utimesSync(onGce, NEVER_STALE, NEVER_STALE);
}
