import { expect, test } from 'vitest';
import { type AwsFailure, translateAwsError } from '../lambda/aws/aws-failure.ts';

const FAILURE: AwsFailure = { subject: 'The key', unavailable: 'cannot be reached', final: new Map() };

test.each(['ENOTFOUND', 'EAI_AGAIN'])('says where to look if a host is not known: %s', (code) => {
  const error = Object.assign(new Error('canary'), { code });

  const { code: told, message } = translateAwsError(error, FAILURE);

  expect(told).toBe('credential_unavailable');
  expect(message).toBe(
    `The key cannot be reached now (${code}). The name of its host is not known here: check DNS, the proxy, or the VPC’s way out.`,
  );
});

test('advises another try where that is all there is to do', () => {
  const error = Object.assign(new Error('canary'), { code: 'ECONNRESET' });

  expect(translateAwsError(error, FAILURE).message).toBe(
    'The key cannot be reached now (ECONNRESET). Try again later.',
  );
});
