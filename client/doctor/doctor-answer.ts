import { UsageError } from '../../infra/usage-error.ts';
import type { DoctorAnswer, Outcome } from '../../lambda/doctor/doctor-answer.ts';
import { fieldsOf } from '../../lambda/fields.ts';

const OUTCOMES: readonly Outcome[] = ['ok', 'warning', 'failed', 'skipped'];

function isLink(value: unknown): boolean {
  const { link, outcome, detail, ms } = fieldsOf(value);
  const areTexts = [link, detail].every((text) => typeof text === 'string');
  return areTexts && OUTCOMES.some((one) => one === outcome) && (ms === undefined || typeof ms === 'number');
}

function isCheck(value: unknown): boolean {
  const { profile, credential, asks, ok, skipped, links } = fieldsOf(value);
  const areTexts = [profile, credential, asks].every((text) => typeof text === 'string');
  const areFlags = typeof ok === 'boolean' && (skipped === undefined || skipped === true);
  return areTexts && areFlags && Array.isArray(links) && links.every(isLink);
}

function isAnswer(value: unknown): value is DoctorAnswer {
  const { ok, checks } = fieldsOf(value);
  return typeof ok === 'boolean' && Array.isArray(checks) && checks.every(isCheck);
}

/**
 * Returns what was answered if it is a doctor's answer: a function that is none of ours may answer anything.
 *
 * @throws {UsageError} otherwise
 */
export function demandAnswer(value: unknown): DoctorAnswer {
  if (!isAnswer(value)) {
    throw new UsageError('What was answered is no doctor’s answer. Is the function the token vendor?');
  }
  return value;
}
