import { Validations } from 'aws-cdk-lib';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { AwsProof } from '../lambda/credentials/external-account-document.ts';

type WebIdentityToken = Extract<AwsProof, { readonly kind: 'web_identity_token' }>;

/**
 * Returns what it takes to have AWS make out tokens for one audience, no longer-lived than the document says.
 *
 * A token can be for several audiences: each must be the one, and there must be one, because `ForAllValues` alone is
 * content with none. The action knows no resource, so it must be allowed on all.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_policies.html
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
 */
export function webIdentityStatement({ audience, durationSeconds }: WebIdentityToken): PolicyStatement {
  return new PolicyStatement({
    actions: ['sts:GetWebIdentityToken'],
    resources: ['*'],
    conditions: {
      'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': audience },
      Null: { 'sts:IdentityTokenAudience': 'false' },
      NumericLessThanEquals: { 'sts:DurationSeconds': durationSeconds },
      StringEquals: { 'sts:SigningAlgorithm': 'RS256' },
    },
  });
}

/** Answers cdk-nag's question why a role with {@link webIdentityStatement} has something allowed on all resources. */
export function acknowledgeWebIdentity(role: Role): void {
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason:
      'sts:GetWebIdentityToken knows no resource; its conditions bind it to one audience, a duration and an algorithm.',
  });
}
