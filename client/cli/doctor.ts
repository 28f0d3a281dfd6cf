import { styleText } from 'node:util';
import { createInvokeFunction } from '../../lambda/aws/invoke-function.ts';
import { createClock } from '../../lambda/google/clock.ts';
import { createNetwork } from '../../lambda/google/post.ts';
import { createAwsLogin } from '../aws-login.ts';
import { chooseTarget, type TargetOptions } from '../client-target.ts';
import { type CallerDoctorDependencies, examineCaller } from '../doctor/caller-doctor.ts';
import type { TokenWish } from '../doctor/caller-tokens.ts';
import { type Reported, type ReportedCheck, reportOf } from '../doctor/doctor-report.ts';
import { examineVendor } from '../doctor/vendor-doctor.ts';
import { createTokenClient } from '../token-client.ts';
import { CommandLineError } from './command-line-error.ts';
import type { VendorFlags } from './vendor-flags.ts';
import { placeOf } from './vendor-place.ts';

export type DoctorFlags = {
  readonly audience?: string;
  readonly scopes?: string;
  readonly json?: boolean;
};

/** One way to one profile of a vendor. */
type Way = { readonly options: TargetOptions; readonly namedBy: string };

/** Of what goes into a file or a pipe. */
const PAPER_WIDTH = 100;

/** That no vendor is named, or two, is for the doctor to say. */
function waysOf(flags: VendorFlags, environment: NodeJS.ProcessEnv): readonly Way[] {
  try {
    const { target, targetFrom, profiles, region } = placeOf(flags, environment);
    return profiles.map((profile) => ({ options: { ...target, profile, region }, namedBy: targetFrom }));
  } catch (error) {
    if (!(error instanceof CommandLineError)) {
      throw error;
    }
    return [{ options: { url: flags.url, functionName: flags.function }, namedBy: '' }];
  }
}

async function examineWay(
  { options, namedBy }: Way,
  wish: TokenWish,
  dependencies: CallerDoctorDependencies,
): Promise<readonly ReportedCheck[]> {
  const { environment, post, now } = dependencies;
  const check = await examineCaller({ options, namedBy, wish }, dependencies);
  const { functionName } = options;
  if (functionName === undefined || !check.ok) {
    return [check];
  }
  const { region, profile } = chooseTarget(options, environment);
  const aws = createAwsLogin({ region, environment });
  const invoke = createInvokeFunction({ aws, post, clock: createClock({ now }) });
  return [check, ...(await examineVendor({ functionName, profile, wish }, { invoke, now }))];
}

/** Returns what the doctor finds on the ways that flags and environment name. */
export async function examine(flags: VendorFlags & DoctorFlags): Promise<Reported> {
  const { audience, scopes } = flags;
  const network = createNetwork();
  try {
    const dependencies: CallerDoctorDependencies = {
      environment: process.env,
      createClient: createTokenClient,
      post: network.post,
      now: Date.now,
    };
    const checks: ReportedCheck[] = [];
    for (const way of waysOf(flags, process.env)) {
      checks.push(...(await examineWay(way, { audience, scopes }, dependencies)));
    }
    return { ok: checks.every(({ ok }) => ok), checks };
  } finally {
    network.close();
  }
}

/** Returns the answer as it is printed. */
export function printed(answer: Reported, asJson: boolean): string {
  if (asJson) {
    return `${JSON.stringify(answer, null, 2)}\n`;
  }
  return reportOf(answer, {
    heading: 'Examined: the way from here to the vendor, and tokens that are shown to nobody',
    width: process.stdout.isTTY ? process.stdout.columns : PAPER_WIDTH,
    paint: (style, text) => styleText(style, text, { stream: process.stdout }),
  });
}
