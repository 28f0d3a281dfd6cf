import { readFields } from '../lambda/doctor/doctor-plan.ts';
import { type Fields, fieldsOf } from '../lambda/fields.ts';

function isOfAws({ type, source_credentials: source }: Fields): boolean {
  switch (type) {
    case 'external_account':
    case 'aws_kms':
      return true;
    case 'impersonated_service_account':
      return isOfAws(fieldsOf(source));
    default:
      return false;
  }
}

/** Returns whether tokens from a credential document take a call to AWS: one that cannot be read takes none. */
export function needsAws(text: string): boolean {
  return isOfAws(readFields(text));
}
