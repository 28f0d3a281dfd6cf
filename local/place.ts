/** The function's name in the local AWS. */
export const FUNCTION_NAME = 'gcp-token-vendor';

/** The region that the local AWS is, and that requests to it are signed for. */
export const REGION = 'eu-west-1';

/** The account of the local AWS. */
export const ACCOUNT_ID = '123456789012';
