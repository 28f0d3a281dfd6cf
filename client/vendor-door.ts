/** What is asked of the vendor, in the form of every door. */
export type VendorRequest = {
  readonly audience?: string;
  readonly scopes?: readonly string[];
  readonly subject?: string;
  readonly lifetime?: number;
};

/**
 * Asks the vendor one time and returns its answer, unjudged. `deadlineMs` is when the caller stops waiting, in milliseconds
 * since the epoch by the system's clock.
 *
 * @throws {VendError} the vendor's own, or that of a door which did not let the request through
 */
export type AskVendor = (request: VendorRequest, deadlineMs: number) => Promise<unknown>;
