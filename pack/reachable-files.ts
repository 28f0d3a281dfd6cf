import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** `from './a.js'`, `import './a.js'`, `import('./a.js')`; declarations keep the suffix of the source. */
const RELATIVE_IMPORT = /(\b(?:from|import)\s*\(?\s*['"])(\.{1,2}\/[^'"]+?)\.[jt]s(?=['"])/g;

function importsOf(file: string, suffix: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(RELATIVE_IMPORT)]
    .map(([, , path = '']) => join(dirname(file), `${path}${suffix}`))
    .filter((path) => existsSync(path));
}

/** Returns the files with this suffix (`.js`, `.d.ts`) that one comes to from `entries` by relative imports, and these. */
export function reachableFiles(entries: readonly string[], suffix: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (!reached.has(file)) {
      reached.add(file);
      for (const imported of importsOf(file, suffix)) {
        visit(imported);
      }
    }
  };
  for (const entry of entries) {
    visit(entry);
  }
  return reached;
}

/** Returns the text of a declaration file with the names that its imports have at run time. */
export function withRunTimeImports(declarations: string): string {
  return declarations.replace(RELATIVE_IMPORT, '$1$2.js');
}
