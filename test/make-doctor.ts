import type { Audit } from '../lambda/audit.ts';
import type { Aws } from '../lambda/aws/aws-environment.ts';
import { createSecretReader, type ReadSecret } from '../lambda/aws/secrets-manager.ts';
import type { CredentialLocation } from '../lambda/credentials/credential-store.ts';
import type { Check, DoctorAnswer } from '../lambda/doctor/doctor-answer.ts';
import { createNetwork, type Network } from '../lambda/google/post.ts';
import type { Handler } from '../lambda/handler.ts';
import { type ProfilesDocument, parseProfiles } from '../lambda/policy/profiles.ts';
import { createVendor } from '../lambda/vendor.ts';
import type { Visit } from '../lambda/visit.ts';
import { type LocalSecretsManager, startSecretsManager } from '../local/aws/secrets-manager.ts';
import { type Clouds, type CloudsOptions, REGION, startClouds } from './make-clouds.ts';
import { contextFor } from './make-event.ts';
import { thrownBy } from './vendor-rig.ts';

export const AUDIENCE = 'https://europe-west1-example.cloudfunctions.net/hello';

/** Where a credential of the vendor is: in a new secret (an object, or a text as it is), or where the function finds it. */
export type Given = object | string | { readonly location: CredentialLocation };

export type PatientOptions = {
  readonly profiles?: ProfilesDocument;
  /** Further credentials by name. */
  readonly others?: Readonly<Record<string, Given>>;
  readonly now?: () => number;
  /** @default - that of the clouds */
  readonly aws?: Aws;
  readonly audit?: Audit;
  /** @default - from the stand-in for Secrets Manager */
  readonly readSecret?: ReadSecret;
};

/** A vendor that is to be examined, before the stand-ins for both clouds. */
export type Patient = {
  readonly handler: Handler;
  /** Returns what the alias `Doctor` answers, `{}` being the event, and an invocation's time half a minute. */
  readonly examine: (event?: unknown, timeMs?: number) => Promise<DoctorAnswer>;
  /** Returns what it throws. */
  readonly refused: (event: unknown) => Promise<Error | undefined>;
  readonly vend: (profile: string, event?: object) => Promise<Readonly<Record<string, unknown>>>;
  /** The tokens and assertions that have been on the wire so far. */
  readonly tokens: () => readonly string[];
  readonly visits: readonly Visit[];
};

export type Clinic = {
  readonly clouds: Clouds;
  readonly secretsManager: LocalSecretsManager;
  /** Returns a new vendor whose credential `default` is `given`. */
  readonly admit: (given: Given, options?: PatientOptions) => Patient;
  readonly close: () => Promise<void>;
};

const SECRET_FIELDS =
  /"(?:access_token|id_token|accessToken|token|signedJwt|WebIdentityToken)":\s*"([^"]+)"/g;
const PROFILES: ProfilesDocument = { default: { scopes: ['cloud-platform'] } };

/** The same network, of which a test knows each token that went over it. */
function overhear(network: Network, tokens: string[]): Network {
  return {
    ...network,
    post: async (url, body, timeoutMs) => {
      const sent = body as Readonly<Record<string, unknown>>;
      tokens.push(
        ...[sent.assertion, sent.subject_token, sent.bearer].filter((text) => typeof text === 'string'),
      );
      const response = await network.post(url, body, timeoutMs);
      tokens.push(...[...response.body.matchAll(SECRET_FIELDS)].map(([, token = '']) => token));
      return response;
    },
  };
}

/** Starts the stand-ins; KMS is found by `AWS_ENDPOINT_URL_KMS`, which is the test's to set. */
export async function openClinic(options: CloudsOptions = {}): Promise<Clinic> {
  const clouds = await startClouds(options);
  const secretsManager = await startSecretsManager();
  const networks: Network[] = [];
  let secrets = 0;

  const place = (given: Given): CredentialLocation => {
    if (typeof given === 'object' && 'location' in given) {
      return given.location as CredentialLocation;
    }
    secrets += 1;
    const string = typeof given === 'string' ? given : JSON.stringify(given);
    return { secret: secretsManager.createSecret(`google/${secrets}`, { string }) };
  };

  const admit: Clinic['admit'] = (given, { profiles = PROFILES, others = {}, ...more } = {}) => {
    const tokens: string[] = [];
    const visits: Visit[] = [];
    const network = createNetwork();
    networks.push(network);
    const credentials = Object.entries({ default: given, ...others });
    const { handler } = createVendor({
      profiles: parseProfiles(profiles),
      credentials: new Map(credentials.map(([name, one]) => [name, place(one)])),
      readSecret: createSecretReader({
        endpoint: secretsManager.url,
        region: REGION,
        credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local' },
      }),
      network: overhear(network, tokens),
      aws: clouds.aws,
      audit: { record: (visit) => visits.push(visit), warn: () => {} },
      ...more,
    });
    return {
      handler,
      examine: async (event = {}, timeMs = 30_000) =>
        (await handler(event, contextFor('Doctor', timeMs))) as DoctorAnswer,
      refused: (event) => thrownBy(handler(event, contextFor('Doctor'))),
      vend: async (profile, event = {}) =>
        (await handler(event, contextFor(profile))) as Readonly<Record<string, unknown>>,
      tokens: () => tokens,
      visits,
    };
  };

  return {
    clouds,
    secretsManager,
    admit,
    close: async () => {
      for (const network of networks) {
        network.close();
      }
      await Promise.all([clouds.close(), secretsManager.close()]);
    },
  };
}

/** Returns a check's links in their order, each with its outcome in front: `✗ STS`. */
export function marks({ links }: Check): readonly string[] {
  const MARKS = { ok: '✓', warning: '!', failed: '✗', skipped: '–' } as const;
  return links.map(({ link, outcome }) => `${MARKS[outcome]} ${link}`);
}

/** Returns what the only check of an answer says of a link. */
export function detailOf({ checks }: DoctorAnswer, name: string): string {
  return checks[0]?.links.find(({ link }) => link === name)?.detail ?? `there is no link ${name}`;
}
