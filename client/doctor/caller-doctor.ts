import type { Post } from '../../lambda/google/post.ts';
import { type AwsLogin, createAwsLogin } from '../aws-login.ts';
import { type ClientTarget, chooseTarget, type TargetOptions } from '../client-target.ts';
import type { TokenClient } from '../token-client.ts';
import { type CallerChain, createCallerChain, type Finding } from './caller-chain.ts';
import { examineIdentity } from './caller-identity.ts';
import { examineTokens, type TokenWish } from './caller-tokens.ts';
import type { ReportedCheck } from './doctor-report.ts';
import { examineReach, judgeClock } from './vendor-reach.ts';

export type CallerExamination = {
  readonly options: TargetOptions;
  /** By what the vendor was named: a flag, or a variable. */
  readonly namedBy: string;
  readonly wish: TokenWish;
};

export type CallerDoctorDependencies = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly createClient: (options: TargetOptions) => TokenClient;
  readonly post: Post;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
};

const NOT_REACHED: Finding = { outcome: 'skipped', detail: 'not reached' };
const NOT_NEEDED: Finding = {
  outcome: 'skipped',
  detail: 'not needed: the vendor is on this machine, and may take requests without a signature',
};

function describeTarget(target: ClientTarget, namedBy: string): string {
  const place = target.door === 'http' ? target.base.url.href : `the function ${target.functionName}`;
  return `${place}, by ${namedBy}; profile ${target.profile}`;
}

/** What is known of who asks: without `isKnown` there is no way on, though the region may say where the vendor is. */
type ExaminedLogin = { readonly region: string | undefined; readonly isKnown: boolean };

/** Returns the region to sign for, and whether there are credentials to sign with. */
async function examineLogin(
  chain: CallerChain,
  target: ClientTarget,
  { login, ...dependencies }: CallerDoctorDependencies & { readonly login: AwsLogin },
): Promise<ExaminedLogin> {
  const region = await chain.examine('region', async () => {
    const value = await login.region();
    const from = target.region === undefined ? 'your AWS configuration' : 'the vendor’s address or --region';
    return { outcome: 'ok', detail: `${value}, by ${from}`, value };
  });
  if (region === undefined) {
    chain.note('AWS login', NOT_REACHED);
    return { region, isKnown: false };
  }
  const isKnown = await chain.examine(
    'AWS login',
    async () => await examineIdentity({ login, ...dependencies }),
  );
  return { region, isKnown: isKnown === true };
}

/**
 * Returns what was found on the way from a program here to the vendor's tokens, link by link. Tokens are asked for as the
 * program would, and shown to nobody.
 */
export async function examineCaller(
  { options, namedBy, wish }: CallerExamination,
  dependencies: CallerDoctorDependencies,
): Promise<ReportedCheck> {
  const { environment, createClient, post, now } = dependencies;
  const chain = createCallerChain(now);
  const target = await chain.examine('configuration', async () => {
    const value = chooseTarget(options, environment);
    return { outcome: 'ok', detail: describeTarget(value, namedBy), value };
  });
  if (target === undefined) {
    for (const link of [
      'region',
      'AWS login',
      'vendor',
      'clock',
      'access token',
      'ID token',
      'account',
    ] as const) {
      chain.note(link, NOT_REACHED);
    }
    return chain.check(options.profile ?? 'default');
  }

  const isLocal = target.door === 'http' && target.base.isLoopback;
  let login: ExaminedLogin = { region: undefined, isKnown: true };
  if (isLocal) {
    chain.note('region', NOT_NEEDED);
    chain.note('AWS login', NOT_NEEDED);
  } else {
    const found = createAwsLogin({ region: target.region, environment });
    login = await examineLogin(chain, target, { ...dependencies, login: found });
  }
  const date = await chain.examine(
    'vendor',
    async () => await examineReach(target, login.region, { environment, post }),
  );
  chain.note('clock', date === undefined ? NOT_REACHED : judgeClock(date, now()));
  if (!login.isKnown || date === undefined) {
    for (const link of ['access token', 'ID token', 'account'] as const) {
      chain.note(link, NOT_REACHED);
    }
  } else {
    await examineTokens(chain, createClient(options), wish, now);
  }
  return chain.check(target.profile);
}
