/**
 * Returns what `work` gives, for as long as it may take: not all that is waited for has a time-out of its own, such as a person's
 * process that gives AWS credentials.
 *
 * @throws {Error} that which `late` gives if `work` has not ended after `timeoutMs`
 */
export async function within<Value>(
  work: Promise<Value>,
  timeoutMs: number,
  late: () => Error,
): Promise<Value> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), timeoutMs);
  try {
    return await Promise.race([work, ended]);
  } finally {
    clearTimeout(timer);
  }
}
