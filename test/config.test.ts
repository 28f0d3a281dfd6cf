import { expect, test } from 'vitest';
import { parseConfig } from '../lambda/config.ts';

const ENVIRONMENT = {
  AWS_LAMBDA_FUNCTION_NAME: 'vendor',
  CREDENTIALS: '{"default": {"secret": "arn:one"}, "reports": {"secret": "arn:two"}}',
};

test('parses what the stack sets', () => {
  const config = parseConfig(ENVIRONMENT);

  expect(config.functionName).toBe('vendor');
  expect([...config.credentials]).toEqual([
    ['default', { secret: 'arn:one' }],
    ['reports', { secret: 'arn:two' }],
  ]);
});

test.each([
  ['provisioned-concurrency', true],
  ['on-demand', false],
  ['snap-start', false],
  [undefined, false],
])('with the initialization type %s, frozen after the start: %s', (type, frozen) => {
  const config = parseConfig({ ...ENVIRONMENT, AWS_LAMBDA_INITIALIZATION_TYPE: type });

  expect(config.frozenAfterStart).toBe(frozen);
});

test('reports every fault at once', () => {
  const environment = { CREDENTIALS: '{"default": {}, "reports": {"secret": ""}}' };

  expect(() => parseConfig(environment)).toThrow(
    'The function\'s environment is not as its stack sets it: AWS_LAMBDA_FUNCTION_NAME is missing; CREDENTIALS.default must be {"secret": "ARN"} or {"document": {…}}; CREDENTIALS.reports must be {"secret": "ARN"} or {"document": {…}}.',
  );
});

test('has no default for what is missing', () => {
  expect(() => parseConfig({})).toThrow(/AWS_LAMBDA_FUNCTION_NAME is missing; CREDENTIALS is missing/);
  expect(() => parseConfig({ AWS_LAMBDA_FUNCTION_NAME: '', CREDENTIALS: '' })).toThrow(
    /AWS_LAMBDA_FUNCTION_NAME is missing; CREDENTIALS is missing/,
  );
});

test.each(['{', 'default', ' '])('refuses %j for credentials, which is not JSON', (CREDENTIALS) => {
  expect(() => parseConfig({ ...ENVIRONMENT, CREDENTIALS })).toThrow(/CREDENTIALS is not JSON/);
});

test.each(['[]', 'null', '7', '"arn:one"', '[{"secret": "arn:one"}]'])(
  'refuses %s for credentials, which is no object',
  (CREDENTIALS) => {
    expect(() => parseConfig({ ...ENVIRONMENT, CREDENTIALS })).toThrow(/CREDENTIALS is no JSON object/);
  },
);

test.each([
  null,
  'arn:one',
  7,
  [],
  {},
  { secret: 7 },
  { secret: '' },
  { secret: 'arn:one', region: 'eu-west-1' },
])('refuses %j for the place of a credential', (place) => {
  const CREDENTIALS = JSON.stringify({ default: place });

  expect(() => parseConfig({ ...ENVIRONMENT, CREDENTIALS })).toThrow(/CREDENTIALS\.default must be/);
});
