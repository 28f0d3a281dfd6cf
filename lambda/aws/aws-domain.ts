/** Of the partitions that are not at amazonaws.com, by how their regions' names begin: China, and the European sovereign cloud. */
const DOMAINS: ReadonlyMap<string, string> = new Map([
  ['cn', 'amazonaws.com.cn'],
  ['eusc', 'amazonaws.eu'],
]);

/** Returns the domain that the services of a region are under. */
export function awsDomainOf(region: string): string {
  return DOMAINS.get(region.split('-')[0] ?? '') ?? 'amazonaws.com';
}
