import fc from 'fast-check';

/**
 * Returns an arbitrary of text of every kind: control characters, lone halves of surrogate pairs, directions, letters.
 * What stands in the first 256 characters is as likely as all the rest.
 */
export function anyText(maxLength: number = 40): fc.Arbitrary<string> {
  const character = fc
    .oneof(fc.integer({ min: 0, max: 0xff }), fc.integer({ min: 0, max: 0xffff }))
    .map((code) => String.fromCharCode(code));
  return fc.string({ unit: character, maxLength });
}
