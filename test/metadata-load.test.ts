import { afterAll, expect, test } from 'vitest';
import { slopePerMinute } from '../bench/metadata-memory.ts';
import { percentile, runPacedLoad } from '../bench/paced-load.ts';
import { createFreshTokens } from '../client/metadata/fresh-tokens.ts';
import { startMetadataServer } from '../client/metadata/metadata-server.ts';
import { startClientRig } from './make-token-client.ts';

const rig = await startClientRig();
const google = rig.vendor.google;
const ACCOUNT = '/computeMetadata/v1/instance/service-accounts/default';
const HEADERS = { 'Metadata-Flavor': 'Google' };

afterAll(() => rig.vendor.close());

/** Puts requests on a server that has nothing yet, and returns what failed and what it cost at Google. */
async function load(paths: readonly string[], perSecond: number, seconds: number) {
  const { close, host } = await startMetadataServer({ clients: [rig.byUrl()] });
  const before = google?.exchanges.length ?? 0;
  const report = await runPacedLoad({ host, paths, headers: HEADERS, perSecond, seconds });
  await close();
  return { ...report, exchanges: (google?.exchanges.length ?? 0) - before };
}

test('thousands of requests for an access token fail in no case and cost one exchange', async () => {
  const { requests, failures, exchanges } = await load(
    [`${ACCOUNT}/token`, `${ACCOUNT}/token?scopes=cloud-platform`, `${ACCOUNT}/email`],
    1_000,
    2,
  );

  expect({ requests, failures, exchanges }).toEqual({ requests: 2_000, failures: 0, exchanges: 1 });
});

test('hundreds of callers at once for one ID token cost one exchange', async () => {
  const path = `${ACCOUNT}/identity?audience=${google?.functionAudience}`;

  const { failures, exchanges } = await load([path], 500, 1);

  expect({ failures, exchanges }).toEqual({ failures: 0, exchanges: 1 });
});

test('a load says of what fails that it failed', async () => {
  const { requests, failures } = await load([`${ACCOUNT}/email`, `${ACCOUNT}/identity`], 20, 1);

  expect({ requests, failures }).toEqual({ requests: 20, failures: 10 });
});

test('only so many URLs are remembered, and none that is very long', () => {
  const fresh = createFreshTokens(() => 0);
  const vended = { token: 'x', expiresAtMs: 3_600_000 };
  for (let index = 0; index < 257; index += 1) {
    fresh.accessToken(`/token?${index}`, vended);
  }
  fresh.accessToken(`/${'x'.repeat(2_000)}`, vended);

  expect(fresh.get('/token?0')).toBeUndefined();
  expect(fresh.get('/token?1')).toBeDefined();
  expect(fresh.get('/token?256')).toBeDefined();
  expect(fresh.get(`/${'x'.repeat(2_000)}`)).toBeUndefined();
});

test('percentiles and slopes are what they are called', () => {
  const sorted = Float64Array.from({ length: 100 }, (_, index) => index + 1);

  expect([percentile(sorted, 50), percentile(sorted, 99), percentile(sorted, 100)]).toEqual([50, 99, 100]);
  expect(
    slopePerMinute([
      [0, 100],
      [30, 101],
      [60, 102],
    ]),
  ).toBeCloseTo(2);
});
