/** The flags of `gcp-token call`, most of them with curl's names and meanings. */
export type CallFlags = {
  readonly request?: string;
  readonly header?: readonly string[];
  readonly data?: readonly string[];
  readonly output?: string;
  readonly include?: boolean;
  readonly fail?: boolean;
  readonly failWithBody?: boolean;
  /** Seconds. */
  readonly maxTime?: number;
  readonly silent?: boolean;
  readonly showError?: boolean;
  readonly verbose?: boolean;
  readonly audience?: string;
  readonly scopes?: string;
  readonly universeDomain?: string;
};
