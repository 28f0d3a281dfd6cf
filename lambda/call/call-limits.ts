/** What Step Functions takes as the input or result of a state, in bytes of JSON. */
export const MAX_STATE_BYTES = 262_144;

/** So much of an answer's body fits into a result even as Base64. */
export const DEFAULT_RESPONSE_BYTES = 184_320;

/** For the token and the call together. */
export const DEFAULT_TIMEOUT_SECONDS = 30;

/** A Lambda function ends at 900 seconds, and needs some of them for itself. */
export const MAX_TIMEOUT_SECONDS = 895;

/** How much longer than its longest call the function has: for its start, and for saying how the call ended. */
export const FUNCTION_MARGIN_SECONDS = 5;
