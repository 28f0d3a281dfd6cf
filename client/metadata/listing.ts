import { type Answer, jsonAnswer, textAnswer } from './answer.ts';
import { MetadataFault } from './metadata-fault.ts';
import type { Directory, Entry, Leaf, Value } from './metadata-node.ts';

type Json = Value | { readonly [name: string]: Json };

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function isMissing(error: unknown): boolean {
  return error instanceof MetadataFault && error.status === 404;
}

/** What is not known is left out of the whole; what cannot be known just now is not. */
async function readIfAny({ readInWhole }: Leaf): Promise<Value | undefined> {
  try {
    return await readInWhole();
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
}

async function whole([, node]: Entry): Promise<Json | undefined> {
  switch (node.kind) {
    case 'endpoint':
      return undefined;
    case 'leaf':
      return await readIfAny(node);
    case 'directory': {
      const entries = await node.list();
      const values = await Promise.all(entries.map(whole));
      return Object.fromEntries(
        entries.flatMap(([name], index) => {
          const value = values[index];
          return value === undefined ? [] : [[node.verbatim === true ? name : camelCase(name), value]];
        }),
      );
    }
    default:
      return node satisfies never;
  }
}

/** The same as lines of `path value`, which is what `alt=text` makes of a whole directory. */
async function lines(path: string, [name, node]: Entry): Promise<readonly string[]> {
  switch (node.kind) {
    case 'endpoint':
      return [];
    case 'leaf': {
      const value = await readIfAny(node);
      return value === undefined ? [] : [value].flat().map((line) => `${path}${name} ${line}\n`);
    }
    case 'directory': {
      const entries = await node.list();
      return (await Promise.all(entries.map((entry) => lines(`${path}${name}/`, entry)))).flat();
    }
    default:
      return node satisfies never;
  }
}

function listedName([name, node]: Entry): string {
  return node.kind === 'directory' ? `${name}/` : name;
}

/** Returns the names of what is in a directory, those of directories with a slash, in the form that was asked for. */
export async function listNames(node: Directory, asJson: boolean): Promise<Answer> {
  const names = (await node.list()).map(listedName);
  return asJson ? jsonAnswer(names) : textAnswer(names.map((name) => `${name}\n`).join(''));
}

/** Returns all that is under a directory but tokens, in the form that was asked for. */
export async function listWhole(node: Directory, asText: boolean): Promise<Answer> {
  if (!asText) {
    return jsonAnswer(await whole(['', node]));
  }
  const all = await Promise.all((await node.list()).map((entry) => lines('', entry)));
  return textAnswer(all.flat().join(''));
}

/** Returns a value in the form that was asked for; a list as text has a line for each. */
export function showValue(value: Value, asJson: boolean): Answer {
  if (asJson) {
    return jsonAnswer(value);
  }
  return textAnswer(Array.isArray(value) ? value.map((line) => `${line}\n`).join('') : String(value));
}
