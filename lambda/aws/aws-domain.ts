/** Of the partitions that are not at amazonaws.com, by how their regions' names begin: China, and the European sovereign cloud. */
const DOMAINS: ReadonlyMap<string, string> = new Map([
  ['cn', 'amazonaws.com.cn'],
  ['eusc', 'amazonaws.eu'],
]);

/** Returns the domain that the services of a region are under. */
export function awsDomainOf(region: string): string {
  return DOMAINS.get(region.split('-')[0] ?? '') ?? 'amazonaws.com';
}

/** Returns the name of a region's partition, which every ARN begins with. */
export function awsPartitionOf(region: string): string {
  const [first, second] = region.split('-');
  return first === 'cn' || first === 'eusc' ? `aws-${first}` : second === 'gov' ? 'aws-us-gov' : 'aws';
}
