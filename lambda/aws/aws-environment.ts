/** A key pair of AWS's, and the token of its session. */
export type AwsCredentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

/** The AWS that the vendor itself runs in. */
export type Aws = {
  /** @throws {Error} if it is not known */
  readonly region: () => Promise<string>;
  /** @throws {Error} if there are none */
  readonly credentials: () => Promise<AwsCredentials>;
  /** The address of STS, if it is not the region's own. */
  readonly stsUrl?: string;
};

/**
 * Returns the region and the credentials that Lambda puts into a function's environment. Nothing else is looked at: no
 * file, no container endpoint, and never the instance metadata service.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
export function awsOfEnvironment(environment: Readonly<Record<string, string | undefined>>): Aws {
  const stsUrl = environment.AWS_ENDPOINT_URL_STS ?? environment.AWS_ENDPOINT_URL;
  return {
    ...(stsUrl === undefined ? {} : { stsUrl }),
    region: async () => {
      const region = environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION;
      if (region === undefined) {
        throw new Error('AWS_REGION is missing from the environment');
      }
      return region;
    },
    credentials: async () => {
      const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment;
      if (AWS_ACCESS_KEY_ID === undefined || AWS_SECRET_ACCESS_KEY === undefined) {
        throw new Error('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are missing from the environment');
      }
      return {
        accessKeyId: AWS_ACCESS_KEY_ID,
        secretAccessKey: AWS_SECRET_ACCESS_KEY,
        ...(AWS_SESSION_TOKEN === undefined ? {} : { sessionToken: AWS_SESSION_TOKEN }),
      };
    },
  };
}
