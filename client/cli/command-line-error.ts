import { UsageError } from '../../infra/usage-error.ts';

/** A fault in the arguments themselves, which ends the command with status 2 before anything is done. */
export class CommandLineError extends UsageError {}
