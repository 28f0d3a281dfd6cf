import { join } from 'node:path';
import type { Check, Client } from './client.ts';
import { instancesUrl, objectUrl, proveUse } from './proof.ts';
import type { Stage } from './stage.ts';

/** A library, and the program that uses it. */
export type Program = Omit<Client, 'door' | 'accessToken' | 'idToken'> & {
  /** Returns how the program is run, having built it if need be. */
  readonly command: (stage: Stage) => Promise<readonly string[]>;
  readonly environment?: (stage: Stage) => Readonly<Record<string, string>>;
  /** @default the program is asked, and may say that its library has no way */
  readonly idToken?: Check;
};

const UNSUPPORTED = /^unsupported: (.+)$/m;

/** Returns the path of a program. */
export function programFile(name: string): string {
  return join(import.meta.dirname, 'programs', name);
}

/**
 * Returns a client that is a library, used by a small program as people use it. The program is called with `access`, and the URLs of
 * a list of instances and of an object, or with `identity`, an audience and the URL of a function; it prints what it got from
 * them, or a line `unsupported: ` and what its library lacks.
 */
export function createProgramClient(program: Program): Client {
  const { command, environment = () => ({}), ...client } = program;

  const accessToken: Check = async (stage) => {
    const args = ['access', instancesUrl(stage), objectUrl(stage)];
    const output = await stage.exec([...(await command(stage)), ...args], environment(stage));
    return await proveUse(stage, ['lists instances', 'reads an object'], output);
  };

  const idToken: Check = async (stage) => {
    const args = ['identity', stage.google.functionAudience, stage.google.functionUrl];
    const output = await stage.exec([...(await command(stage)), ...args], environment(stage));
    const why = UNSUPPORTED.exec(output)?.[1];
    return why === undefined
      ? await proveUse(stage, ['calls the function'], output)
      : { kind: 'unsupported', why };
  };

  return { idToken, ...client, door: 'gcp-token exec', accessToken };
}
