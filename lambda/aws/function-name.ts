/** The function that a caller named, and the alias or version of it, if it named one. */
export type FunctionReference = {
  readonly name: string;
  readonly region: string | undefined;
  readonly accountId: string | undefined;
  readonly qualifier: string | undefined;
};

const REFERENCE =
  /^(?:arn:aws[a-z-]*:lambda:([a-z]{2,4}(?:-[a-z]+)+-\d{1,2}):)?(?:(\d{12}):)?(?:function:)?([A-Za-z0-9_-]{1,64})(?::(\$LATEST|[A-Za-z0-9_-]{1,128}))?$/;

/**
 * Returns the parts of a function's name in any form that Lambda takes: name, partial ARN, ARN, each with or without
 * a qualifier; `undefined` for anything else.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#lambda-Invoke-request-FunctionName
 */
export function parseFunctionName(text: string): FunctionReference | undefined {
  const match = REFERENCE.exec(text);
  return match === null
    ? undefined
    : { region: match[1], accountId: match[2], name: match[3] ?? '', qualifier: match[4] };
}
