import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A command's name and its arguments, as the program got them from the shell. */
export type Call = readonly [string, ...string[]];

/** What AWS is made to say the account's issuer is. */
export const ISSUER = 'https://0a1b2c3d.tokens.sts.global.api.aws';

/** Notes down how it was called, and is in the place of each program that a command may call. */
const RECORDER = `#!/bin/sh
{ printf '%s\\037' "\${0##*/}" "$@"; printf '\\036'; } >> "$RECORD"
case "$*" in *get-outbound-web-identity-federation-info*) echo ${ISSUER} ;; esac
`;

/** Runs a command in a real shell, and returns what it called; nothing of it leaves the machine. */
export function callsOf(command: string): readonly Call[] {
  const directory = mkdtempSync(join(tmpdir(), 'setup-'));
  try {
    for (const program of ['gcloud', 'aws', 'npm', 'touch']) {
      writeFileSync(join(directory, program), RECORDER, { mode: 0o755 });
    }
    const RECORD = join(directory, 'calls');
    writeFileSync(RECORD, '');
    const { status, stderr } = spawnSync('/bin/sh', ['-c', command], {
      cwd: directory,
      encoding: 'utf8',
      env: { PATH: directory, RECORD },
    });
    if (status !== 0) {
      throw new Error(`the command ended with ${status}: ${stderr}`);
    }
    const records = readFileSync(RECORD, 'utf8').split('\x1e').slice(0, -1);
    return records.map((record) => record.split('\x1f').slice(0, -1) as unknown as Call);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Returns the value of a flag that is there as `--name=value`. */
export function flagOf(call: Call, name: string): string {
  const flags = call.filter((word) => word.startsWith(`--${name}=`));
  if (flags.length !== 1) {
    throw new Error(`--${name} is there ${flags.length} times in ${call.join(' ')}`);
  }
  return flags[0]?.slice(name.length + 3) ?? '';
}

/** A string as the expressions know it, with Google's own function. */
class CelString extends String {
  /** @see https://cloud.google.com/iam/docs/conditions-attribute-reference#extract */
  extract(template: string): CelString {
    const [, before = '', after = ''] = /^([^{]*)\{\w+\}(.*)$/.exec(template) ?? [];
    const from = this.indexOf(before);
    const start = from + before.length;
    const end = after === '' ? this.length : this.indexOf(after, start);
    return new CelString(from < 0 || end < 0 ? '' : this.slice(start, end));
  }
}

type Attributes = Readonly<Record<string, string>>;

/** What there is of CEL in the commands means the same in JavaScript. */
function evaluate(expression: string, variables: Readonly<Record<string, Attributes>>): unknown {
  const wrapped = Object.values(variables).map((fields) =>
    Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, new CelString(text)])),
  );
  return new Function(...Object.keys(variables), `return ${expression}`)(...wrapped);
}

/** Returns what a `--attribute-mapping` makes of an assertion. */
export function mapAttributes(mapping: string, assertion: Attributes): Attributes {
  const entries = mapping.split(/,(?=(?:google|attribute)\.\w+=)/).map((entry): [string, string] => {
    const [, name = '', expression = ''] = /^([\w.]+)=(.*)$/.exec(entry) ?? [];
    return [name, String(evaluate(expression, { assertion }))];
  });
  return Object.fromEntries(entries);
}

/** Returns whether an `--attribute-condition` admits what was mapped. */
export function admits(condition: string, attributes: Attributes): boolean {
  const attribute = Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name.replace(/^attribute\./, ''), value]),
  );
  return evaluate(condition, { attribute }) === true;
}
