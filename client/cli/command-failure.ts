/** A failure with an exit status of its own: its message is a line for a person. */
export class CommandFailure extends Error {
  readonly status: number;

  constructor(message: string, status: number, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandFailure';
    this.status = status;
  }
}
