import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openTokenSource, type TokenSource } from '../lambda/credentials/token-source.ts';
import type { VendError } from '../lambda/errors.ts';
import { failureOf } from './make-calls.ts';
import { KEY_FILE, keyFile, PRIVATE_KEY_PEM } from './make-document.ts';
import { sourceDependencies } from './make-source.ts';

const CANARY = 'canary7Q2wXz';

function open(text: string): Promise<TokenSource> {
  return openTokenSource(text, 'secret arn:secret', sourceDependencies());
}

/** All that an error could show to anybody, whatever it is printed with. */
function everythingOf(error: VendError): string {
  return [
    inspect(error, { showHidden: true, depth: 20, getters: true }),
    JSON.stringify(error),
    JSON.stringify(error, Object.getOwnPropertyNames(error)),
    String(error),
    error.stack,
  ].join('\n');
}

test('opens a key file', async () => {
  expect(await open(keyFile())).toBeInstanceOf(Function);
});

test('opens a key file with a byte order mark, and with white space around it', async () => {
  expect(await open(`\uFEFF${keyFile()}`)).toBeInstanceOf(Function);
  expect(await open(`\n  ${keyFile()}\r\n`)).toBeInstanceOf(Function);
});

test.each(['', ' ', '\n\t\r\n', '\uFEFF'])('says of %j that the secret is empty', async (text) => {
  expect(await failureOf(() => open(text))).toMatchObject({
    code: 'credential_invalid',
    message: 'The secret arn:secret is empty: put the key file into it.',
  });
});

test.each<[string, string, string]>([
  ['text', CANARY, 'value is not JSON'],
  ['half a document', keyFile().slice(0, 300), 'value is not JSON'],
  ['two documents', keyFile() + keyFile(), 'value is not JSON'],
  ['a bare PEM', PRIVATE_KEY_PEM, 'value is not JSON'],
  ['base64', Buffer.from(keyFile()).toString('base64'), 'value is not JSON'],
  ['an array', `[${keyFile()}]`, 'value is no JSON object'],
  ['a string', JSON.stringify(keyFile()), 'value is no JSON object'],
  ['null', 'null', 'value is no JSON object'],
  ['a number', '7', 'value is no JSON object'],
  ['an empty object', '{}', 'field type is missing'],
  ['a key and value of the console', JSON.stringify({ key: keyFile() }), 'field type is missing'],
  ['a type that is no string', keyFile({ type: 7 }), 'field type is none that the vendor knows'],
  ['an unknown type', keyFile({ type: CANARY }), 'field type is none that the vendor knows'],
  ['a type of every object', keyFile({ type: 'constructor' }), 'field type is none that the vendor knows'],
  [
    'another type of every object',
    keyFile({ type: '__proto__' }),
    'field type is none that the vendor knows',
  ],
  [
    'an appliance’s credential',
    keyFile({ type: 'gdch_service_account' }),
    'field type is gdch_service_account, which cannot be used',
  ],
  [
    'a workforce user’s',
    keyFile({ type: 'external_account_authorized_user' }),
    'field type is external_account_authorized_user, which cannot be used',
  ],
])('says what is wrong with %s', async (_what, text, fault) => {
  const failure = await failureOf(() => open(text));

  expect(failure.code).toBe('credential_invalid');
  expect(failure.message).toContain(`The secret arn:secret cannot be used: its ${fault}`);
  expect(everythingOf(failure)).not.toContain(CANARY);
});

test('no error shows anything of a document, wherever it is broken', async () => {
  const canaries = Object.fromEntries(Object.keys(KEY_FILE).map((field) => [field, `${CANARY}-${field}`]));
  const documents = [
    keyFile(canaries),
    ...Object.keys(KEY_FILE).flatMap((field) => {
      const { [field]: _left, ...others } = { ...canaries, type: 'service_account' } as Record<
        string,
        unknown
      >;
      return [
        others,
        { ...KEY_FILE, [field]: `${CANARY}\u0000` },
        { ...KEY_FILE, [field]: { [CANARY]: CANARY } },
      ].map((document) => JSON.stringify(document));
    }),
    keyFile({ private_key: `-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----\n` }),
    keyFile({ token_uri: `https://${CANARY}.example/token` }),
    keyFile({ token_uri: `https://${CANARY}@oauth2.googleapis.com/token` }),
    keyFile({ universe_domain: `${CANARY}/` }),
    `${keyFile()}${CANARY}`,
    `{"${CANARY}`,
  ];

  const failures = await Promise.all(
    documents.map((text) =>
      open(text).then(
        () => undefined,
        (error: VendError) => error,
      ),
    ),
  );

  const errors = failures.filter((failure) => failure !== undefined);
  expect(errors.length).toBeGreaterThan(20);
  for (const error of errors) {
    expect(error.code).toBe('credential_invalid');
    expect(everythingOf(error)).not.toContain(CANARY);
    expect(error.cause).toBeUndefined();
  }
});

test('no error shows any part of a private key that is cut or mangled', async () => {
  const body = PRIVATE_KEY_PEM.replaceAll(/-----.*-----|\s/g, '');
  const pieces = Array.from({ length: Math.floor(body.length / 12) }, (_, index) =>
    body.slice(index * 12, index * 12 + 12),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.nat(keyFile().length - 1),
      fc.nat(400),
      fc.string({ maxLength: 3 }),
      async (at, cut, mark) => {
        const text = keyFile();

        const mangled = text.slice(0, at) + mark + text.slice(at + cut);
        const failure = await open(mangled).then(
          () => undefined,
          (error: VendError) => error,
        );

        const shown = failure === undefined ? '' : everythingOf(failure);
        expect(pieces.filter((piece) => shown.includes(piece))).toEqual([]);
      },
    ),
    { numRuns: 200 },
  );
});

test('whatever the secret holds, it is a source or the fault of the credential', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.object().map((value) => keyFile(value)),
      ),
      async (text) => {
        const outcome = await open(text).then(
          () => 'source',
          (error: { readonly code?: unknown }) => error.code,
        );

        expect(['source', 'credential_invalid']).toContain(outcome);
      },
    ),
    { numRuns: 200 },
  );
});
