import type { InvokeFunction } from '../aws/invoke-function.ts';
import { VendError } from '../errors.ts';
import { fieldsOf } from '../fields.ts';
import type { Clock } from '../google/clock.ts';
import type { Grant, Minter } from '../types.ts';

export type VendorTokensDependencies = {
  readonly invoke: InvokeFunction;
  /** The ARN of the profile's alias. */
  readonly aliasArn: string;
  readonly clock: Clock;
};

const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

function audienceOf(grant: Grant): string {
  if (grant.kind !== 'id_token') {
    throw new TypeError('what calls a service is an ID token');
  }
  return grant.audience;
}

/**
 * Returns the minter that has the vendor's tokens: by an invocation of the profile's alias each time.
 *
 * @throws {VendError} the vendor's own
 */
export function createVendorTokens({ invoke, aliasArn, clock }: VendorTokensDependencies): Minter {
  return async (grant, deadlineMs) => {
    const startedAtMs = clock.systemMs();
    const answer = fieldsOf(
      await invoke({ functionName: aliasArn }, { audience: audienceOf(grant) }, deadlineMs),
    );
    const { id_token: value, expires_in: seconds } = answer;
    if (typeof value !== 'string' || !JWT.test(value) || typeof seconds !== 'number' || !(seconds > 0)) {
      throw new VendError('server_error', 'The vendor’s answer holds no ID token. Deploy the stack again.');
    }
    const googleMs = clock.systemMs() - startedAtMs;
    return {
      token: { value, expiresAtMs: clock.googleMs() - googleMs + seconds * 1000 },
      cached: false,
      googleMs,
    };
  };
}
