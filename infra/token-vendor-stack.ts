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

/** A stack that is a vendor and nothing more, with the outputs that a newcomer needs next. */
export class TokenVendorStack extends Stack {
  readonly vendor: GcpTokenVendor;

  constructor(scope: Construct, id: string, props: TokenVendorStackProps) {
    super(scope, id, props);
    this.vendor = new GcpTokenVendor(this, 'Vendor', props);
    this.#output(
      'TokenFunctionName',
      'The function; invoke it by an alias',
      this.vendor.function.functionName,
    );
    if (this.vendor.api !== undefined) {
      this.#output(
        'TokenApiUrl',
        `The API; its routes: ${someOf(
          Object.keys(props.profiles)
            .filter((name) => name !== '$schema')
            .map(tokenPath),
        )}`,
        this.vendor.api.url,
      );
    }
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

  #output(id: string, description: string, value: string): void {
    new CfnOutput(this, id, { description, value });
  }
}
