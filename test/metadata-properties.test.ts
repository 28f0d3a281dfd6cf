import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAccounts } from '../client/metadata/accounts.ts';
import type { Answer } from '../client/metadata/answer.ts';
import { createFreshTokens } from '../client/metadata/fresh-tokens.ts';
import { createLookup } from '../client/metadata/lookup.ts';
import { MetadataFault } from '../client/metadata/metadata-fault.ts';
import { createTree } from '../client/metadata/metadata-tree.ts';
import { parseTarget } from '../client/metadata/query.ts';
import { createVendorGate, GATE_LIMITS } from '../client/metadata/vendor-gate.ts';
import { AUDIENCE, fakeClient } from './make-metadata.ts';

const clients = [fakeClient(), fakeClient({ profile: 'reports' })];
const accounts = createAccounts(
  clients,
  {},
  { ask: createVendorGate(GATE_LIMITS), now: Date.now, log: () => {} },
);
const lookup = createLookup(createTree({ instanceId: 1 }, accounts, createFreshTokens(Date.now)));

const SEGMENTS = [
  ...[
    'computeMetadata',
    'v1',
    'instance',
    'service-accounts',
    'default',
    'reports',
    'token',
    'identity',
    'email',
  ],
  ...[
    'project',
    'project-id',
    'universe',
    'universe_domain',
    'attributes',
    '',
    '.',
    '..',
    '%2e%2e',
    '%2f',
    '__proto__',
  ],
];
const PARAMETERS = [
  ...[
    'recursive=true',
    'alt=json',
    'alt=text',
    'alt=x',
    `audience=${AUDIENCE}`,
    'audience=',
    'scopes=storage-ro',
  ],
  ...['scopes=%zz', 'recursive', '&', '=', 'wait_for_change=true'],
];

const V1 = ['computeMetadata', 'v1'];
const ACCOUNTS = [...V1, 'instance', 'service-accounts'];

/** Paths that lead somewhere more often than chance would have it. */
const path = fc
  .tuple(
    fc.constantFrom<string[]>([], V1, ACCOUNTS, [...ACCOUNTS, 'default'], [...ACCOUNTS, 'reports', 'token']),
    fc.array(fc.constantFrom(...SEGMENTS), { maxLength: 4 }),
  )
  .map(([start, rest]) => `/${[...start, ...rest].join('/')}`);
const query = fc.array(fc.constantFrom(...PARAMETERS), { maxLength: 3 }).map((all) => all.join('&'));
const target = fc.tuple(path, query).map(([before, after]) => (after === '' ? before : `${before}?${after}`));

async function answerTo(url: string): Promise<Answer | MetadataFault> {
  return await lookup(parseTarget(url), url).catch((error: unknown) => {
    expect(error).toBeInstanceOf(MetadataFault);
    return error as MetadataFault;
  });
}

test('whatever the path, there is an answer or a reason, and a token only where one was asked for', async () => {
  let tokens = 0;

  await fc.assert(
    fc.asyncProperty(target, async (url) => {
      const answer = await answerTo(url);

      expect([200, 301, 400, 404]).toContain(answer.status);
      if ('body' in answer && /ya29|eyJ/.test(answer.body)) {
        tokens += 1;
        expect(url).toMatch(
          /^\/computeMetadata\/v1\/instance\/service-accounts\/(?:default|reports)\/(?:token|identity)(?:\?|$)/,
        );
      }
    }),
    { numRuns: 2_000 },
  );

  expect(tokens).toBeGreaterThan(0);
});

test('a redirect leads to a path of this server and nowhere else', async () => {
  await fc.assert(
    fc.asyncProperty(target, async (url) => {
      const { status, headers } = await answerTo(url);

      if (status === 301) {
        expect(headers?.Location).toMatch(/^\/computeMetadata(?:\/|$)/);
        expect((await answerTo(headers?.Location ?? '')).status).not.toBe(301);
      }
    }),
    { numRuns: 1_000 },
  );
});

test('an audience is the same whether it came encoded or not, if it has no & of its own', () => {
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true }), (audience) => {
      fc.pre(!/[&%]/.test(audience));

      const encoded = parseTarget(`/identity?audience=${encodeURIComponent(audience)}`);
      const unencoded = parseTarget(`/identity?audience=${audience}&format=full`);

      expect(encoded.query.get('audience')).toEqual([audience]);
      expect(unencoded.query.get('audience')).toEqual([audience]);
    }),
  );
});

test('any text at all is taken apart', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(() => parseTarget(`/${text}`)).not.toThrow();
    }),
  );
});
