import { hash } from 'node:crypto';
import type { Token } from './types.ts';

const LENGTH = 16;

/** Returns how a token is told from others where it may not be shown: the beginning of its SHA-256, in hexadecimal. */
export function fingerprintOf({ value }: Token): string {
  return hash('sha256', value).slice(0, LENGTH);
}
