import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fieldsOf } from '../../lambda/fields.ts';

const PACKAGE = 'gcp-token-vendor';

/** Returns the version of the package that this file is a part of, however deep in it. */
export function packageVersion(folder: string = import.meta.dirname): string {
  const parent = dirname(folder);
  if (parent === folder) {
    return 'unknown';
  }
  try {
    const { name, version } = fieldsOf(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
    return name === PACKAGE ? String(version) : packageVersion(parent);
  } catch {
    return packageVersion(parent);
  }
}
