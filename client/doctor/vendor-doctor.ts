import { parseFunctionName } from '../../lambda/aws/function-name.ts';
import type { InvokeFunction } from '../../lambda/aws/invoke-function.ts';
import { DOCTOR_ALIAS } from '../../lambda/doctor/doctor-alias.ts';
import { VendError } from '../../lambda/errors.ts';
import { brokenBy } from './caller-chain.ts';
import type { TokenWish } from './caller-tokens.ts';
import { demandAnswer } from './doctor-answer.ts';
import type { ReportedCheck } from './doctor-report.ts';

const TIMEOUT_MS = 60_000;
const ASKS = 'the vendor’s own doctor';

/** What the alias of a profile has behind the function's name is not the doctor's. */
function unqualified(functionName: string): string {
  const { qualifier } = parseFunctionName(functionName) ?? {};
  return qualifier === undefined ? functionName : functionName.slice(0, -qualifier.length - 1);
}

function eventFor(profile: string, { audience, scopes }: TokenWish): object {
  if (audience !== undefined && scopes !== undefined) {
    return { profile };
  }
  return { profile, ...(audience !== undefined && { audience }), ...(scopes !== undefined && { scopes }) };
}

/** Not everybody who may have tokens may have the doctor, and not every vendor of before has one. */
function withoutDoctor(profile: string, error: unknown): ReportedCheck {
  const isAbsent =
    error instanceof VendError && (error.code === 'access_denied' || error.code === 'invalid_request');
  const { detail } = brokenBy(error);
  return isAbsent
    ? {
        profile,
        asks: ASKS,
        ok: true,
        skipped: true,
        links: [
          {
            link: 'doctor',
            outcome: 'skipped',
            detail: `${detail} The doctor’s alias is ${DOCTOR_ALIAS}, and vendor.grantDoctor(role) lets a role invoke it.`,
          },
        ],
      }
    : { profile, asks: ASKS, ok: false, links: [{ link: 'doctor', outcome: 'failed', detail }] };
}

/** Returns what the function's own doctor finds of a profile: the way from its credential to Google. */
export async function examineVendor(
  { functionName, profile, wish }: { functionName: string; profile: string; wish: TokenWish },
  { invoke, now }: { readonly invoke: InvokeFunction; readonly now: () => number },
): Promise<readonly ReportedCheck[]> {
  const target = { functionName: unqualified(functionName), qualifier: DOCTOR_ALIAS };
  try {
    const answer = await invoke(target, eventFor(profile, wish), now() + TIMEOUT_MS);
    return demandAnswer(answer).checks;
  } catch (error) {
    return [withoutDoctor(profile, error)];
  }
}
