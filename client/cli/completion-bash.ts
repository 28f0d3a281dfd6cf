import { type CommandShape, type ProgramShape, spellings, WRAPPER } from './completion-shape.ts';

const VALUES = ['profile', 'scopes', 'file', 'text'] as const;
const ALL = ['none', ...VALUES] as const;

function caseOf(name: string, { flags, words }: Pick<CommandShape, 'flags' | 'words'>): string {
  const pattern = name === '' ? "''" : name;
  return `    ${pattern}) flags='${spellings(flags, ALL).join(' ')}' values='${spellings(flags, VALUES).join(' ')}' words='${words.join(' ')}' ;;`;
}

/**
 * Returns a completion for bash 3.2 and newer, with or without the package bash-completion.
 *
 * @see https://www.gnu.org/software/bash/manual/html_node/Programmable-Completion.html
 */
export function bashCompletion({ name, flags, commands, profiles, scopes }: ProgramShape): string {
  const names = commands.map((command) => command.name);
  const every = [...flags, ...commands.flatMap((command) => command.flags)];
  const pattern = (kind: (typeof VALUES)[number]) => [...new Set(spellings(every, [kind]))].join('|');
  return `# Completion of ${name} for bash. In ~/.bashrc: eval "$(${name} completion bash)"
_gcp_token_flags() {
  case $1 in
${[caseOf('', { flags, words: names }), ...commands.map((one) => caseOf(one.name, one))].join('\n')}
    *) flags='' values='' words='' ;;
  esac
}

_gcp_token() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command='' index word flags values words
  COMPREPLY=()
  # bash makes three words of --flag=value.
  if [[ $cur == = ]]; then
    cur=''
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  _gcp_token_flags ''
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if [[ $word == = ]]; then
      continue
    elif [[ $command == ${WRAPPER} && $word == -- ]]; then
      _gcp_token_wrapped $((index + 1))
      return
    elif [[ $word == -* ]]; then
      # The value of a flag is no command.
      if [[ " $values " == *" $word "* ]]; then
        [[ \${COMP_WORDS[index+1]} == = ]] && ((index++))
        ((index++))
      fi
    elif [[ $command == '' ]]; then
      command=$word
      _gcp_token_flags "$command"
    elif [[ $command == ${WRAPPER} ]]; then
      _gcp_token_wrapped "$index"
      return
    fi
  done
  case $prev in
    ${pattern('profile')}) COMPREPLY=($(compgen -W '${profiles.join(' ')} $GCP_TOKEN_PROFILE' -- "$cur")); return ;;
    ${pattern('scopes')})
      local before=''
      [[ $cur == *,* ]] && before="\${cur%,*},"
      COMPREPLY=($(compgen -P "$before" -W '${scopes.join(' ')}' -- "\${cur##*,}"))
      return
      ;;
    ${pattern('file')}) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null; return ;;
  esac
  if [[ " $values " == *" $prev "* ]]; then
    return
  fi
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  elif [[ $command == ${WRAPPER} ]]; then
    COMPREPLY=($(compgen -c -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
}

# The rest of the line is the command's own.
_gcp_token_wrapped() {
  if declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  elif ((COMP_CWORD == $1)); then
    COMPREPLY=($(compgen -c -- "\${COMP_WORDS[COMP_CWORD]}"))
  else
    COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
  fi
}

complete -F _gcp_token ${name}
`;
}
