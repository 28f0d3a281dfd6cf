/** The alias by which the function is its own doctor. Profiles' names are in lower case, so that none is called this. */
export const DOCTOR_ALIAS = 'Doctor';

/**
 * Returns whether an invocation is for the doctor and not for a profile.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html `invokedFunctionArn`
 */
export function isForDoctor(invokedFunctionArn: string): boolean {
  return invokedFunctionArn.split(':')[7] === DOCTOR_ALIAS;
}
