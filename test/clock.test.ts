import { expect, test } from 'vitest';
import { createClock } from '../lambda/google/clock.ts';
import { createTime, START_MS } from './make-time.ts';

const MINUTE = 60_000;

function createRig() {
  const time = createTime();
  const clock = createClock({ now: time.now });
  /** Google answers, and its clock is `aheadMs` ahead of the system's. */
  const answer = (aheadMs: number) => clock.observe(new Date(time.now() + aheadMs).toUTCString());
  return { time, clock, answer };
}

test('is the system’s clock until Google says otherwise', () => {
  const { clock } = createRig();

  expect([clock.systemMs(), clock.googleMs(), clock.offsetMs()]).toEqual([START_MS, START_MS, 0]);
});

test.each([10 * MINUTE, -10 * MINUTE, 10_000, -10_000, 24 * 60 * MINUTE])(
  'follows Google’s clock when it is %i milliseconds ahead',
  (aheadMs) => {
    const { answer, clock } = createRig();

    answer(aheadMs);

    expect(clock.googleMs()).toBe(START_MS + aheadMs);
    expect(clock.offsetMs()).toBe(aheadMs);
    expect(clock.systemMs()).toBe(START_MS);
  },
);

test.each([9_000, -9_000, 0])('takes %i milliseconds for latency and rounding', (aheadMs) => {
  const { answer, clock } = createRig();

  answer(aheadMs);

  expect(clock.googleMs()).toBe(START_MS);
});

test('keeps a correction that later answers confirm within 10 seconds', () => {
  const { answer, clock } = createRig();
  answer(10 * MINUTE);

  answer(10 * MINUTE - 9_000);

  expect(clock.offsetMs()).toBe(10 * MINUTE);
});

test('goes back to the system’s clock once that is right again', () => {
  const { answer, clock } = createRig();
  answer(10 * MINUTE);

  answer(3_000);

  expect(clock.offsetMs()).toBe(0);
});

test('keeps running while it is corrected', async () => {
  const { answer, clock, time } = createRig();
  answer(-10 * MINUTE);

  await time.advance(1_234);

  expect(clock.googleMs()).toBe(START_MS - 10 * MINUTE + 1_234);
});

test.each([undefined, '', 'yesterday', '0x7fffffff!'])('learns nothing from the header %j', (header) => {
  const { answer, clock } = createRig();
  answer(10 * MINUTE);

  clock.observe(header);

  expect(clock.offsetMs()).toBe(10 * MINUTE);
});
