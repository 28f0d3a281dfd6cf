/** A refusal by the name that the service has for it. */
export type JsonFault<Name extends string = string> = { readonly fault: Name; readonly message: string };

/** Returns whether what was answered is a refusal. */
export function isFault<Answer extends object>(answer: Answer): answer is Extract<Answer, JsonFault> {
  return 'fault' in answer && typeof answer.fault === 'string';
}

/** Returns what was answered. @throws {Error} with the name and the message of a refusal */
export function orThrow<Answer extends object>(answer: Answer): Exclude<Answer, JsonFault> {
  if (isFault(answer)) {
    throw new Error(`${answer.fault}: ${answer.message}`);
  }
  return answer as Exclude<Answer, JsonFault>;
}
