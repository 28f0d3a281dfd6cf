import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { tokenPath } from './token-api.ts';
import { GcpTokenVendor, type GcpTokenVendorProps } from './token-vendor.ts';

export interface TokenVendorStackProps extends StackProps, GcpTokenVendorProps {}

const MAX_ROUTES_SHOWN = 5;

function someOf(routes: readonly string[]): string {
  const shown = routes.slice(0, MAX_ROUTES_SHOWN).join(', ');
  return routes.length > MAX_ROUTES_SHOWN ? `${shown}, …` : shown;
}

/**
 * A stack that is a vendor and nothing more, with the outputs that a newcomer needs next.
 *
 * An output's value has no limit of its own that CloudFormation tells of, unless it is exported (1,024 characters), so each
 * command has an output to itself.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/685
 */
export class TokenVendorStack extends Stack {
  readonly vendor: GcpTokenVendor;

  constructor(scope: Construct, id: string, props: TokenVendorStackProps) {
    super(scope, id, props);
    this.vendor = new GcpTokenVendor(this, 'Vendor', props);
    const { functionName } = this.vendor.function;
    this.#output('TokenFunctionName', 'The function; invoke it by an alias', functionName);
    this.#output(
      'DoctorCommand',
      'Asks the function what it can do with its credentials, by its alias Doctor',
      `npm run doctor -- --function ${functionName}`,
    );
    this.#outputApi(Object.keys(props.profiles));
    this.#outputSecret();
    this.#outputGoogleSetup();
  }

  #outputApi(profiles: readonly string[]): void {
    if (this.vendor.api !== undefined) {
      const routes = profiles.filter((name) => name !== '$schema').map(tokenPath);
      this.#output('TokenApiUrl', `The API; its routes: ${someOf(routes)}`, this.vendor.api.url);
    }
  }

  #outputSecret(): void {
    const secret = this.vendor.credentials.default;
    if (secret !== undefined) {
      this.#output('CredentialSecretName', 'The secret of the default credential', secret.secretName);
      this.#output(
        'NextSteps',
        'Puts the service-account key in',
        `aws secretsmanager put-secret-value --secret-id ${secret.secretName} --secret-string file://sa.json`,
      );
    }
  }

  #outputGoogleSetup(): void {
    const { role } = this.vendor.function;
    if (role !== undefined) {
      this.#output('FunctionRoleArn', "The function's role, which Google's side admits", role.roleArn);
    }
    for (const [index, { does, command }] of this.vendor.googleSetup.entries()) {
      this.#output(`GoogleSetup${index + 1}`, does, command);
    }
  }

  #output(id: string, description: string, value: string): void {
    new CfnOutput(this, id, { description, value });
  }
}
