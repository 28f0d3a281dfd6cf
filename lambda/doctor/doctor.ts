import type { Audit } from '../audit.ts';
import { type Door, openDoor } from '../door.ts';
import { asVendError, VendError } from '../errors.ts';
import type { Handler, InvocationContext } from '../handler.ts';
import type { Profiles } from '../policy/profiles.ts';
import { respondWithError } from '../respond.ts';
import { DOCTOR_ALIAS } from './doctor-alias.ts';
import type { DoctorAnswer } from './doctor-answer.ts';
import { type ExaminationDependencies, type Examined, examine } from './doctor-examination.ts';
import { parseWanted, type Wanted } from './doctor-request.ts';

export type DoctorDependencies = Omit<ExaminationDependencies, 'onUnexpected'> & {
  readonly profiles: Profiles;
  readonly audit: Audit;
};

/** More would be a burden for Google's and AWS's quotas. */
const AT_ONCE = 4;
/** The end of an invocation is kept for its answer. */
const ANSWER_MARGIN_MS = 500;

/** A route that leads here by mistake is to have no answer that it could pass on. */
function demandDirect({ kind }: Door): void {
  if (kind !== 'direct') {
    throw new VendError(
      'access_denied',
      `The alias ${DOCTOR_ALIAS} is for direct invocation alone, by an operator. Integrate the route with the alias of a profile.`,
    );
  }
}

/** Those that are still to come have an equal part each of the time that is left. */
async function examineAll(
  wanted: readonly Wanted[],
  dependencies: ExaminationDependencies,
  deadlineMs: number,
): Promise<readonly Examined[]> {
  const { now } = dependencies;
  const examined: Examined[] = [];
  const queue = [...wanted.entries()];

  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, one] = next;
      const rounds = 1 + Math.ceil(queue.length / AT_ONCE);
      examined[index] = await examine(one, dependencies, now() + Math.floor((deadlineMs - now()) / rounds));
    }
  };

  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return examined;
}

/** Tokens were minted, though nobody has them: who looks for them at Google finds them here. */
function describeExamined({ check, token }: Examined): object {
  const { profile, credential, asks, ok, links } = check;
  const failed = links.find(({ outcome }) => outcome === 'failed')?.link;
  return { profile, credential, asks, ok, failed, principal: token?.principal, token_sha256: token?.sha256 };
}

/**
 * Returns the handler of the alias `Doctor`: it walks the chain from the secret to the first token of each profile that is
 * asked for, and answers a {@link DoctorAnswer}. Nothing of the vendor's caches is used or touched, and no token leaves.
 *
 * It throws to a direct invoker what is wrong with the request, and answers so to API Gateway, which is always refused.
 */
export function createDoctor({ profiles, audit, ...ways }: DoctorDependencies): Handler {
  const { now } = ways;
  const dependencies = {
    ...ways,
    onUnexpected: (error: unknown) => audit.warn('the doctor failed unexpectedly', error),
  };

  const visit = async (door: Door, context: InvocationContext): Promise<DoctorAnswer> => {
    const startedAtMs = now();
    demandDirect(door);
    const wanted = parseWanted(door.parameters(), profiles);
    const deadlineMs = startedAtMs + context.getRemainingTimeInMillis() - ANSWER_MARGIN_MS;
    const examined = await examineAll(wanted, dependencies, deadlineMs);
    audit.note?.('examined', {
      request_id: context.awsRequestId,
      door: door.kind,
      checks: examined.map(describeExamined),
      duration_ms: now() - startedAtMs,
    });
    const checks = examined.map(({ check }) => check);
    return { ok: checks.every(({ ok }) => ok), checks };
  };

  return async (event, context) => {
    const startedAtMs = now();
    const door = openDoor(event);
    try {
      return await visit(door, context);
    } catch (cause) {
      const error = asVendError(cause);
      const known = { door, profile: DOCTOR_ALIAS, request: undefined, grant: undefined };
      const durationMs = now() - startedAtMs;
      audit.record({ requestId: context.awsRequestId, durationMs, ...known, error });
      if (door.kind === 'direct') {
        throw error.withoutCause();
      }
      return respondWithError(error, context.awsRequestId);
    }
  };
}
