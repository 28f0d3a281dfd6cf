import { type CommandShape, type FlagShape, type ProgramShape, WRAPPER } from './completion-shape.ts';

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function valueSpec({ value }: FlagShape, { profiles, scopes }: ProgramShape): string {
  switch (value) {
    case 'none':
      return '';
    case 'profile':
      return ` -x -a ${quoted(`${profiles.join(' ')} $GCP_TOKEN_PROFILE`)}`;
    case 'scopes':
      return ` -x -a ${quoted(`(__fish_append , ${scopes.join(' ')})`)}`;
    case 'file':
      return ' -r -F';
    case 'text':
      return ' -x';
    default:
      return value satisfies never;
  }
}

function flagLine(condition: string, flag: FlagShape, program: ProgramShape): string {
  const short = flag.short === undefined ? '' : ` -s ${flag.short.slice(1)}`;
  return `complete -c ${program.name} -n ${quoted(condition)}${short} -l ${flag.long.slice(2)}${valueSpec(flag, program)} -d ${quoted(flag.description)}`;
}

function commandLines(command: CommandShape, program: ProgramShape): readonly string[] {
  const { name, words } = command;
  const condition = `__fish_seen_subcommand_from ${name}`;
  return [
    `complete -c ${program.name} -n __fish_use_subcommand -a ${name} -d ${quoted(command.summary)}`,
    ...command.flags.map((flag) => flagLine(condition, flag, program)),
    ...(words.length > 0
      ? [`complete -c ${program.name} -n ${quoted(condition)} -a ${quoted(words.join(' '))}`]
      : []),
    ...(name === WRAPPER
      ? [
          `complete -c ${program.name} -n ${quoted(condition)} -x -a '(__fish_complete_subcommand --fcs-skip=2)'`,
        ]
      : []),
  ];
}

/**
 * Returns a completion for fish.
 *
 * @see https://fishshell.com/docs/current/cmds/complete.html
 */
export function fishCompletion(program: ProgramShape): string {
  const { name, flags, commands } = program;
  const lines = [
    `# Completion of ${name} for fish. In config.fish: ${name} completion fish | source`,
    `complete -c ${name} -f`,
    ...flags.map((flag) => flagLine('__fish_use_subcommand', flag, program)),
    ...commands.flatMap((command) => commandLines(command, program)),
  ];
  return `${lines.join('\n')}\n`;
}
