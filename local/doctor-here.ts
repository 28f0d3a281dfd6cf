import { randomUUID } from 'node:crypto';
import { readProfilesFile } from '../infra/profiles-file.ts';
import { UsageError } from '../infra/usage-error.ts';
import type { Audit } from '../lambda/audit.ts';
import type { ReadSecret } from '../lambda/aws/secrets-manager.ts';
import { createDoctor } from '../lambda/doctor/doctor.ts';
import { DOCTOR_ALIAS } from '../lambda/doctor/doctor-alias.ts';
import { VendError } from '../lambda/errors.ts';
import { createNetwork } from '../lambda/google/post.ts';
import { type Profiles, parseProfiles } from '../lambda/policy/profiles.ts';
import {
  demandLoginFor,
  openCredentialSource,
  openMachineSecretReader,
  readCredentialFile,
} from './credential-source.ts';
import { machineAws } from './machine-aws.ts';
import { ACCOUNT_ID, FUNCTION_NAME, REGION } from './place.ts';
import { createServers, type Servers } from './servers.ts';
import type { CredentialChoice } from './start-options.ts';

export type Examination = {
  readonly credential: CredentialChoice;
  readonly profilesFile: string;
  readonly event: Readonly<Record<string, string>>;
};

/** Where the document is, and how it is called. Unlike `npm start`, nothing is demanded of it: to judge it is the doctor's part. */
type Place = {
  readonly secretId: string;
  readonly readSecret: ReadSecret;
  readonly holderOf?: (secretId: string) => string;
};

const TIME_MS = 30_000;

async function openPlace(credential: CredentialChoice, servers: Servers, profiles: Profiles): Promise<Place> {
  switch (credential.kind) {
    case 'stand-in':
      return await openCredentialSource({ credential }, servers, profiles);
    case 'key': {
      const text = await readCredentialFile(credential.file);
      await demandLoginFor(text, credential.file);
      const readSecret = async () => ({ text, versionId: '' });
      return { secretId: credential.file, readSecret, holderOf: (file) => `file ${file}` };
    }
    case 'secret':
      return { secretId: credential.name, readSecret: await openMachineSecretReader() };
    default:
      return credential satisfies never;
  }
}

function contextUntil(deadlineMs: number) {
  return {
    awsRequestId: randomUUID(),
    invokedFunctionArn: `arn:aws:lambda:${REGION}:${ACCOUNT_ID}:function:${FUNCTION_NAME}:${DOCTOR_ALIAS}`,
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  };
}

/**
 * Returns what the function's doctor answers if it examines from this machine a credential that every profile has.
 *
 * @throws {UsageError} for a file that cannot be read, an AWS that nobody is logged in to, and a request that the doctor refuses
 */
export async function examineHere({ credential, profilesFile, event }: Examination, audit: Audit) {
  const profiles = parseProfiles(readProfilesFile(profilesFile));
  const servers = createServers(0);
  const network = createNetwork();
  servers.keep(network);
  try {
    const { secretId, ...place } = await openPlace(credential, servers, profiles);
    const names = [...profiles.values()].map((profile) => profile.credential);
    const examine = createDoctor({
      ...place,
      profiles,
      locations: new Map(names.map((name) => [name, { secret: secretId }])),
      audit,
      network,
      aws: machineAws(),
      allowsStandIns: true,
      now: Date.now,
      random: Math.random,
    });
    return await examine(event, contextUntil(Date.now() + TIME_MS));
  } catch (cause) {
    throw cause instanceof VendError ? new UsageError(cause.message, { cause }) : cause;
  } finally {
    await servers.close();
  }
}
