/** A command for a person to run at Google or AWS. */
export type SetupStep = {
  /** What it does, and what to do about its answer; begins in lower case, and has nothing for CloudFormation to put in. */
  readonly does: string;
  /** In one line, for a POSIX shell. */
  readonly command: string;
};

/** The function's role in AWS, of which CloudFormation knows more than CDK. */
export type AwsRole = {
  readonly partition: string;
  readonly accountId: string;
  readonly name: string;
  readonly arn: string;
};
