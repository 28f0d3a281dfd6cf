/** Returns what CloudFormation would put in the place of a reference: `{ Ref }`, `{ 'Fn::GetAtt' }` or `{ 'Fn::Select' }`. */
export type KnownValue = (reference: object) => string;

/** Returns a value of a template as it is once it is deployed: with its references resolved and its texts joined. */
export function resolveValue(value: unknown, known: KnownValue): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => resolveValue(item, known));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if ('Fn::Join' in value) {
    const [separator, parts] = value['Fn::Join'] as [string, unknown[]];
    return parts.map((part) => resolveValue(part, known)).join(separator);
  }
  if ('Ref' in value || 'Fn::GetAtt' in value || 'Fn::Select' in value) {
    return known(value);
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, resolveValue(member, known)]),
  );
}
