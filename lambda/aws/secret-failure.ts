import type { VendError } from '../errors.ts';
import { translateAwsError } from './aws-failure.ts';

/** What Secrets Manager says that no second try will change, and what a person does about it. */
const FINAL: ReadonlyMap<string, string> = new Map([
  [
    'ResourceNotFoundException',
    'does not exist, or has no value yet. Put the key file into it: aws secretsmanager put-secret-value --secret-id SECRET --secret-string file://sa.json',
  ],
  [
    'AccessDeniedException',
    'may not be read by the function: its role needs secretsmanager:GetSecretValue on it, and kms:Decrypt on its key',
  ],
  [
    'DecryptionFailure',
    'cannot be decrypted: its KMS key is disabled, deleted, or closed to the function’s role',
  ],
  [
    'InvalidRequestException',
    'is marked for deletion. Restore it: aws secretsmanager restore-secret --secret-id SECRET',
  ],
  ['InvalidParameterException', 'has no valid name or ARN'],
  ['ValidationException', 'has no valid name or ARN'],
]);

/** Returns the vendor's error for one of Secrets Manager's, of which only the name goes further. */
export function translateSecretError(error: unknown, secretId: string): VendError {
  return translateAwsError(error, {
    subject: `The secret ${secretId}`,
    unavailable: 'cannot be read from Secrets Manager',
    final: FINAL,
  });
}
