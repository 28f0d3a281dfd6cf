import { Stack, Token, TokenComparison } from 'aws-cdk-lib';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Alias } from 'aws-cdk-lib/aws-lambda';
import { UsageError } from './usage-error.ts';

const ADVICE =
  'What is granted here ends at the account; make a role in this one, grant it, and let the caller assume it.';

/**
 * Lets `grantee` invoke exactly one alias; `what` is what messages call it.
 *
 * @throws {UsageError} if the grantee has no policy that could be written here: a principal of another account, a service
 */
export function grantInvoke(what: string, alias: Alias, grantee: IGrantable): Grant {
  const account = grantee.grantPrincipal.principalAccount;
  const foreign =
    account !== undefined &&
    Token.compareStrings(account, Stack.of(alias).account) === TokenComparison.DIFFERENT;
  if (foreign) {
    throw new UsageError(`${what} cannot be granted to the account ${account}. ${ADVICE}`);
  }
  const grant = Grant.addToPrincipal({
    grantee,
    actions: ['lambda:InvokeFunction'],
    resourceArns: [alias.functionArn],
  });
  if (!grant.success) {
    throw new UsageError(
      `${what} cannot be granted to ${String(grantee.grantPrincipal)}: it has no policy to write to. ${ADVICE}`,
    );
  }
  return grant;
}
