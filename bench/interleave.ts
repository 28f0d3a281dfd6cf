/** One of those that are compared: takes one sample. */
export type Contender<Sample> = () => Promise<Sample> | Sample;

/**
 * Returns `rounds` samples of each contender. In each round every contender has its turn, and another one begins,
 * so that neither a slow spell of the machine nor what a predecessor leaves behind falls on one of them alone.
 */
export async function interleave<Name extends string, Sample>(
  rounds: number,
  contenders: Readonly<Record<Name, Contender<Sample>>>,
): Promise<Record<Name, Sample[]>> {
  const names = Object.keys(contenders) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Sample[]>;
  for (let round = 0; round < rounds; round += 1) {
    const first = round % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      samples[name].push(await contenders[name]());
    }
  }
  return samples;
}
