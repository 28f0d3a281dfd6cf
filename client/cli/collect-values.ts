/** Returns the values of a flag that may be given again, in their order: what commander calls for each of them. */
export function collectValues(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
