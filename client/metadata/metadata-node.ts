import type { Answer } from './answer.ts';
import type { Query } from './query.ts';

/** What can stand at the end of a path. */
export type Value = string | number | readonly string[];

/** A value. @throws {MetadataFault} 404 from either where there is none */
export type Leaf = {
  readonly kind: 'leaf';
  readonly read: () => Value | Promise<Value>;
  /** What stands for it where all of its directory is asked for. */
  readonly readInWhole: () => Value | Promise<Value>;
};

/** What answers by itself and is in no listing's values: tokens. `url` is the request's, as it came. */
export type Endpoint = {
  readonly kind: 'endpoint';
  readonly answer: (query: Query, url: string) => Promise<Answer>;
};

export type Directory = {
  readonly kind: 'directory';
  /** Whether JSON has the names of what is in it as they are, and not in camel case. */
  readonly verbatim?: true;
  readonly list: () => Promise<readonly Entry[]>;
  /** Returns what has this name in it. @throws {MetadataFault} 404 */
  readonly find: (name: string) => MetadataNode | undefined | Promise<MetadataNode>;
};

export type MetadataNode = Leaf | Endpoint | Directory;

export type Entry = readonly [name: string, node: MetadataNode];

/** Returns a leaf of a value that is known, or has to be asked for. */
export function leaf(read: Leaf['read'], readInWhole = read): Leaf {
  return { kind: 'leaf', read, readInWhole };
}

/** Returns a directory of just these entries, in the order of their names, as Google's server lists them. */
export function directory(entries: Readonly<Record<string, MetadataNode>>): Directory {
  const nodes = new Map(Object.entries(entries).sort(([one], [other]) => (one < other ? -1 : 1)));
  return { kind: 'directory', list: async () => [...nodes], find: (name) => nodes.get(name) };
}
