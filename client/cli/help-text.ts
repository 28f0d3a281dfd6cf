/** What a command's help says besides its flags. */
export type HelpText = {
  /** Each as it may be pasted, with what it does. */
  readonly examples: readonly (readonly [does: string, line: string])[];
  /** Variables that the command reads, besides those of the vendor's flags. */
  readonly environment?: readonly (readonly [name: string, meaning: string])[];
};

const VENDOR_VARIABLES = [
  ['GCP_TOKEN_URL', 'the vendor’s HTTP API, as --url'],
  ['GCP_TOKEN_FUNCTION', 'or its function, as --function'],
  ['GCP_TOKEN_PROFILE', 'the profile, as --profile'],
  ['AWS_PROFILE, AWS_REGION, …', 'your AWS login, which signs the request, as the AWS CLI finds it'],
] as const;

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, meaning]) => `  ${name.padEnd(width)}  ${meaning}`).join('\n');
}

/** Returns what stands below the flags in a command's help: examples, and the environment. */
export function helpText({ examples, environment = [] }: HelpText): string {
  const lines = examples.map(([does, line]) => `  # ${does}\n  ${line.replaceAll('\n', '\n  ')}`);
  return `
Examples:
${lines.join('\n\n')}

Environment:
${table([...VENDOR_VARIABLES, ...environment])}
`;
}
