import { randomBytes } from 'node:crypto';
import { readProfilesFile } from '../infra/profiles-file.ts';
import type { Audit } from '../lambda/audit.ts';
import { DOCTOR_ALIAS } from '../lambda/doctor/doctor-alias.ts';
import { createNetwork } from '../lambda/google/post.ts';
import { type Profiles, parseProfiles } from '../lambda/policy/profiles.ts';
import { createVendor, type Vendor } from '../lambda/vendor.ts';
import { startAws } from './aws/front.ts';
import type { LocalCredential } from './aws/sigv4.ts';
import { type CredentialSource, openCredentialSource } from './credential-source.ts';
import type { Google } from './google/server.ts';
import { machineAws } from './machine-aws.ts';
import { createLocalOAuth, type LocalOAuthClient } from './oauth.ts';
import { ACCOUNT_ID, FUNCTION_NAME, REGION } from './place.ts';
import { createServers } from './servers.ts';
import type { StartOptions } from './start-options.ts';

const TIMEOUT_MS = 29_000;

/** Everything that `npm start` has running. */
export type LocalVendor = {
  readonly url: string;
  readonly profiles: Profiles;
  /** Whoever signs with it may call; where signatures are not demanded, unsigned requests are taken for its. */
  readonly credential: LocalCredential;
  /** The stand-in for Google, if it is not the real one. */
  readonly google: Google | undefined;
  /** The clients of `POST /oauth/token`; none if it is not served. */
  readonly oauthClients: readonly LocalOAuthClient[];
  readonly close: () => Promise<void>;
};

export type LocalVendorDependencies = {
  readonly audit: Audit;
  /** Hears of what the local AWS refuses before the function sees it. */
  readonly log: (line: string) => void;
};

/** Where real tokens are at stake only who sees this terminal can sign; for the stand-ins a fixed key will do. */
function localCredential({ credential }: StartOptions): LocalCredential {
  return {
    accessKeyId: 'AKIALOCALLOCALLOCAL1',
    secretAccessKey: credential.kind === 'stand-in' ? 'local' : randomBytes(30).toString('hex'),
    principalArn: `arn:aws:iam::${ACCOUNT_ID}:user/local`,
  };
}

function createLocalVendor(
  profiles: Profiles,
  source: CredentialSource,
  audit: Audit,
): Vendor & { close: () => void } {
  const network = createNetwork();
  const credentials = new Map(
    [...profiles.values()].map(({ credential }) => [credential, { secret: source.secretId }]),
  );
  const vendor = createVendor({
    profiles,
    credentials,
    readSecret: source.readSecret,
    audit,
    network,
    aws: machineAws(),
  });
  return { ...vendor, close: network.close };
}

/**
 * Starts the vendor on this machine: the handler that CDK deploys, behind a local API Gateway and Invoke API, with the
 * stand-ins that `options` call for. Every profile's credential is the one that was chosen.
 *
 * @throws {UsageError} for a file, a key, a secret or a port that cannot be used
 */
export async function startLocalVendor(
  options: StartOptions,
  { audit, log }: LocalVendorDependencies,
): Promise<LocalVendor> {
  const profiles = parseProfiles(readProfilesFile(options.profilesFile));
  const credential = localCredential(options);
  const servers = createServers(options.port);
  try {
    const source = await openCredentialSource(options, servers, profiles);
    const vendor = createLocalVendor(profiles, source, audit);
    servers.keep(vendor);
    const place = { url: '' };
    const oauth = options.oauth
      ? createLocalOAuth({ profiles, credential, lambdaUrl: () => place.url, log })
      : undefined;
    if (oauth !== undefined) {
      servers.keep(oauth);
    }
    const aws = await servers.start(0, (port) =>
      startAws({
        port,
        handler: vendor.handler,
        ...(oauth && { oauth: oauth.handler }),
        profiles: [...profiles.keys()],
        otherAliases: [DOCTOR_ALIAS],
        functionName: FUNCTION_NAME,
        region: REGION,
        accountId: ACCOUNT_ID,
        credentials: [credential],
        requireSignature: options.requireSignature,
        timeoutMs: TIMEOUT_MS,
        log,
      }),
    );
    place.url = aws.url;
    await vendor.warmUp();
    return {
      url: aws.url,
      profiles,
      credential,
      google: source.google,
      oauthClients: oauth?.clients ?? [],
      close: servers.close,
    };
  } catch (error) {
    await servers.close();
    throw error;
  }
}
