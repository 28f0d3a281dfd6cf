import type { Answer } from './answer.ts';
import { listNames, listWhole, showValue } from './listing.ts';
import { MetadataFault } from './metadata-fault.ts';
import type { Directory, MetadataNode } from './metadata-node.ts';
import { isTrue, parameter, type Query, type Target } from './query.ts';

/** Returns the answer to a request that has been let pass. @throws {MetadataFault} */
export type Lookup = (target: Target, url: string) => Promise<Answer>;

function notFound(): MetadataFault {
  return new MetadataFault(404, 'There is nothing at this path.');
}

function alternative(query: Query): 'json' | 'text' | undefined {
  const alt = parameter(query, 'alt')?.toLowerCase();
  if (alt !== undefined && alt !== 'json' && alt !== 'text') {
    throw new MetadataFault(400, 'The parameter alt must be json or text.');
  }
  return alt;
}

async function walk(root: Directory, names: readonly string[]): Promise<MetadataNode> {
  let node: MetadataNode = root;
  for (const name of names) {
    const next: MetadataNode | undefined = node.kind === 'directory' ? await node.find(name) : undefined;
    if (next === undefined) {
      throw notFound();
    }
    node = next;
  }
  return node;
}

function redirect({ path }: Target, url: string): Answer {
  return {
    status: 301,
    contentType: 'text/plain; charset=utf-8',
    body: '',
    headers: { Location: `${path}/${url.slice(path.length)}` },
  };
}

async function show(node: MetadataNode, query: Query, url: string): Promise<Answer> {
  const alt = alternative(query);
  switch (node.kind) {
    case 'directory':
      return isTrue(query, 'recursive')
        ? await listWhole(node, alt === 'text')
        : await listNames(node, alt === 'json');
    case 'leaf':
      return showValue(await node.read(), alt === 'json');
    case 'endpoint':
      return await node.answer(query, url);
    default:
      return node satisfies never;
  }
}

/** Returns what finds the answer to a request in the tree, as a file server would: a directory's path ends with a slash. */
export function createLookup(root: Directory): Lookup {
  return async (target, url) => {
    const { segments, query } = target;
    const isDirectory = segments.at(-1) === '';
    const node = await walk(root, isDirectory ? segments.slice(0, -1) : segments);
    if (node.kind === 'directory' && !isDirectory) {
      return redirect(target, url);
    }
    if (node.kind !== 'directory' && isDirectory) {
      throw notFound();
    }
    return await show(node, query, url);
  };
}
