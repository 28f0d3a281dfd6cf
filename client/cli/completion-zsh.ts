import type { CommandShape, FlagShape, ProgramShape } from './completion-shape.ts';
import { WRAPPER } from './completion-shape.ts';

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** In a specification of `_arguments` brackets end a description, and a colon ends a part. */
function description(text: string): string {
  return text.replace(/[[\]\\:]/g, '\\$&');
}

function actionOf({ value, long }: FlagShape, { profiles, scopes }: ProgramShape): string {
  const name = long.replace(/^-+/, '');
  switch (value) {
    case 'none':
      return '';
    case 'profile':
      return `:${name}:(${profiles.join(' ')} $GCP_TOKEN_PROFILE)`;
    case 'scopes':
      return `:${name}:_values -s , scope ${scopes.join(' ')}`;
    case 'file':
      return `:${name}:_files`;
    case 'text':
      return `:${name}: `;
    default:
      return value satisfies never;
  }
}

function flagSpecs(flag: FlagShape, program: ProgramShape): readonly string[] {
  const { long, short, value } = flag;
  const rest = `[${description(flag.description)}]${actionOf(flag, program)}`;
  const spell = (name: string, suffix: string) => quoted(`*${name}${value === 'none' ? '' : suffix}${rest}`);
  return short === undefined ? [spell(long, '=')] : [spell(long, '='), spell(short, '+')];
}

function argumentSpec({ name, words }: CommandShape): readonly string[] {
  if (name === WRAPPER) {
    return [quoted('*:::command: _normal')];
  }
  return words.length > 0 ? [quoted(`1:argument:(${words.join(' ')})`)] : [quoted('*:argument: ')];
}

function caseOf(command: CommandShape, program: ProgramShape): string {
  const specs = [...command.flags.flatMap((flag) => flagSpecs(flag, program)), ...argumentSpec(command)];
  return `        ${command.name})
          _arguments -s -S ${specs.join(' \\\n            ')}
          ;;`;
}

/**
 * Returns a completion for zsh, to be sourced or to be put into `fpath` as `_gcp_token`.
 *
 * @see https://zsh.sourceforge.io/Doc/Release/Completion-System.html
 */
export function zshCompletion(program: ProgramShape): string {
  const { name, flags, commands } = program;
  const described = commands.map((command) => quoted(`${command.name}:${description(command.summary)}`));
  return `#compdef ${name}
# Completion of ${name} for zsh. In ~/.zshrc, behind compinit: source <(${name} completion zsh)
_gcp_token() {
  local curcontext="$curcontext" state line
  local -a commands
  commands=(
    ${described.join('\n    ')}
  )
  _arguments -C ${flags.flatMap((flag) => flagSpecs(flag, program)).join(' \\\n    ')} \\
    '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe -t commands command commands ;;
    argument)
      case $line[1] in
${commands.map((command) => caseOf(command, program)).join('\n')}
      esac
      ;;
  esac
}

if [[ $funcstack[1] == _gcp_token ]]; then
  _gcp_token "$@"
else
  compdef _gcp_token ${name}
fi
`;
}
