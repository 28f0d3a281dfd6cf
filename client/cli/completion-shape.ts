import type { Command, Option } from 'commander';

/** What can stand behind a flag. */
export type ValueKind = 'none' | 'profile' | 'scopes' | 'file' | 'text';

export type FlagShape = {
  readonly long: string;
  readonly short: string | undefined;
  readonly description: string;
  readonly value: ValueKind;
};

export type CommandShape = {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly FlagShape[];
  /** Words that its argument can be; none for a command whose argument nobody knows. */
  readonly words: readonly string[];
};

/** A command line as a completion sees it. */
export type ProgramShape = {
  readonly name: string;
  readonly flags: readonly FlagShape[];
  readonly commands: readonly CommandShape[];
  readonly profiles: readonly string[];
  readonly scopes: readonly string[];
};

/** The command behind whose own flags stands another command, with a completion of its own. */
export const WRAPPER = 'exec';

const KINDS: ReadonlyMap<string, ValueKind> = new Map([
  ['--profile', 'profile'],
  ['--scopes', 'scopes'],
  ['--output', 'file'],
]);

function flagShape({ long, short, description, required, optional }: Option): FlagShape {
  const name = long ?? short ?? '';
  const value = required || optional ? (KINDS.get(name) ?? 'text') : 'none';
  return { long: name, short: long === undefined ? undefined : short, description, value };
}

function flagsOf(command: Command): readonly FlagShape[] {
  return command.createHelp().visibleOptions(command).map(flagShape);
}

/** Returns what a completion of `program` has to know, and the values that it can offer. */
export function shapeOf(
  program: Command,
  { profiles, scopes }: Pick<ProgramShape, 'profiles' | 'scopes'>,
): ProgramShape {
  const visible = program.createHelp().visibleCommands(program);
  const names = visible.map((command) => command.name());
  const wordsOf = (command: Command): readonly string[] =>
    command.name() === 'help' ? names : (command.registeredArguments[0]?.argChoices ?? []);
  return {
    name: program.name(),
    flags: flagsOf(program),
    commands: visible.map((command) => ({
      name: command.name(),
      summary: command.summary() || command.description(),
      flags: flagsOf(command),
      words: wordsOf(command),
    })),
    profiles,
    scopes,
  };
}

/** Returns all spellings of those flags that take a value of one of `kinds`. */
export function spellings(flags: readonly FlagShape[], kinds: readonly ValueKind[]): readonly string[] {
  return flags
    .filter(({ value }) => kinds.includes(value))
    .flatMap(({ long, short }) => (short === undefined ? [long] : [long, short]));
}
