import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';

const run = promisify(execFile);

/** What a tool said; `status` is its exit status. */
export type ToolResult = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** Runs a tool that a machine may lack, with nothing of the user's own AWS configuration, and for 60 seconds at the most. */
export async function runTool(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<ToolResult> {
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
    NO_PROXY: '*',
    ...environment,
  };
  try {
    const { stdout, stderr } = await run(command, [...args], { env, timeout: 60_000 });
    return { status: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    return { status: typeof code === 'number' ? code : 127, stdout, stderr };
  }
}

/** Skips the test where `command args` does not succeed, and says so; under CI that is a failure. */
export async function needTool(
  context: TestContext,
  command: string,
  args: readonly string[],
): Promise<void> {
  const { status } = await runTool(command, args);
  if (status === 0) {
    return;
  }
  const reason = `\`${command} ${args.join(' ')}\` does not work here, and this test needs it`;
  if (process.env.CI) {
    throw new Error(reason);
  }
  context.skip(reason);
}
