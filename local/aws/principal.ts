import { createHash } from 'node:crypto';
import type { LocalCredential } from './sigv4.ts';

/** What API Gateway tells the function of a caller that IAM has authenticated. */
export type IamIdentity = {
  readonly accessKey: string;
  readonly accountId: string;
  readonly callerId: string;
  readonly cognitoIdentity: null;
  readonly principalOrgId: string;
  readonly userArn: string;
  readonly userId: string;
};

/** An id such as IAM gives to a user (`AIDA…`) or to a role (`AROA…`): the same for the same name. */
function uniqueId(prefix: string, name: string): string {
  const digest = createHash('sha256').update(name).digest('hex').toUpperCase();
  return `${prefix}${digest.slice(0, 17)}`;
}

/**
 * Returns the `requestContext.authorizer.iam` of a caller: its account and ids follow from its ARN, and those of an
 * assumed role end in the session's name.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
 */
export function iamIdentity({ accessKeyId, principalArn }: LocalCredential): IamIdentity {
  const [, , , , accountId = '', resource = ''] = principalArn.split(':');
  const [type, name = '', session = ''] = resource.split('/');
  const userId =
    type === 'assumed-role' ? `${uniqueId('AROA', name)}:${session}` : uniqueId('AIDA', principalArn);
  return {
    accessKey: accessKeyId,
    accountId,
    callerId: userId,
    cognitoIdentity: null,
    principalOrgId: 'o-local00000',
    userArn: principalArn,
    userId,
  };
}
