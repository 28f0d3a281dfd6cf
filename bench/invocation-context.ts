/** Returns the part of Lambda's context that a handler may look at. */
export function invocationContext() {
  return {
    awsRequestId: '00000000-0000-4000-8000-000000000000',
    invokedFunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:bench',
    getRemainingTimeInMillis: () => 29_000,
  };
}
