import type { Command } from 'commander';
import { collectValues } from './collect-values.ts';
import { CommandLineError } from './command-line-error.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

const DESCRIPTION =
  `Prints a script by which a shell completes commands, flags, gcloud’s aliases of scopes, and the profiles that it is given.
Behind exec it completes as the command there would.`.replaceAll('\n', ' ');

const HELP = `
Examples:
  # bash: now; in ~/.bashrc for always
  eval "$(gcp-token completion bash)"

  # zsh, behind compinit in ~/.zshrc
  source <(gcp-token completion zsh)

  # fish, with the names of your profiles
  gcp-token completion fish --profile default --profile reports | source
`;

/** It becomes a word of a shell's, unquoted. */
function demandNames(profiles: readonly string[]): readonly string[] {
  const strange = profiles.find((profile) => !/^[\w-]+$/.test(profile));
  if (strange !== undefined) {
    throw new CommandLineError(`--profile: ${JSON.stringify(strange)} is no name of a profile.`);
  }
  return profiles;
}

async function scriptFor(shell: string, program: Command, profiles: readonly string[]): Promise<string> {
  const [{ shapeOf }, { scopeAliases }] = await Promise.all([
    import('./completion-shape.ts'),
    import('../../lambda/policy/scopes.ts'),
  ]);
  const shape = shapeOf(program, { profiles: demandNames(profiles), scopes: scopeAliases() });
  switch (shell) {
    case 'bash':
      return (await import('./completion-bash.ts')).bashCompletion(shape);
    case 'zsh':
      return (await import('./completion-zsh.ts')).zshCompletion(shape);
    default:
      return (await import('./completion-fish.ts')).fishCompletion(shape);
  }
}

/** Makes `command` the one that prints a shell's completion of `program`. */
export function defineCompletion(command: Command, program: Command): void {
  command
    .summary('print the completion for bash, zsh or fish')
    .description(DESCRIPTION)
    .addArgument(command.createArgument('<shell>', 'the shell').choices(SHELLS))
    .option('--profile <name>', 'a profile’s name to complete; again for more (default)', collectValues)
    .addHelpText('after', HELP)
    .action(async (shell: string, { profile = ['default'] }: { readonly profile?: readonly string[] }) => {
      process.stdout.write(await scriptFor(shell, program, profile));
    });
}
