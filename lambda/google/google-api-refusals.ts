import type { KnownRefusal } from './google-refusal.ts';

/** An API that nobody has turned on: Google's message says in which project. */
export const DISABLED_API_REFUSALS: readonly KnownRefusal[] = [
  {
    says: /(?:Security Token Service API|sts\.googleapis\.com).*(?:has not been used|disabled)/i,
    meaning:
      'the API is not enabled in the project of the pool. Enable it with `gcloud services enable sts.googleapis.com --project=PROJECT`, and wait a few minutes.',
  },
  {
    says: /API has not been used|SERVICE_DISABLED/i,
    meaning:
      'the API is not enabled in the project of the source credential. Enable it with `gcloud services enable iamcredentials.googleapis.com --project=PROJECT`, and wait a few minutes.',
  },
];

/**
 * What an organization has forbidden, whichever API says so.
 *
 * @see https://cloud.google.com/vpc-service-controls/docs/troubleshooting
 */
export const ORGANIZATION_REFUSALS: readonly KnownRefusal[] = [
  {
    says: /prohibited by organization.s policy|vpc ?service ?controls/i,
    meaning:
      'VPC Service Controls keep requests from outside the perimeter. Admit the identity with an ingress rule: `gcloud access-context-manager perimeters update PERIMETER --policy=POLICY --set-ingress-policies=FILE`; the audit log has the violation by its unique identifier.',
  },
  {
    says: /org(?:anization)?[ -]?policy|constraints\/[a-z]/i,
    meaning:
      'an organization policy forbids it. See which with `gcloud org-policies describe CONSTRAINT --effective --project=PROJECT`, and have its administrator allow it.',
  },
];
