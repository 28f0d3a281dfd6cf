import { parseFlags } from './flags.ts';
import { UsageError } from './usage-error.ts';

export type KmsCertificateOptions =
  | { readonly help: true }
  | {
      readonly help: false;
      /** A key id, a key ARN, an alias or an alias ARN. */
      readonly keyId: string;
      /** The key's; `undefined` where neither a flag nor the ARN names one. */
      readonly region: string | undefined;
      /** The service account, if it was named. */
      readonly clientEmail: string | undefined;
      readonly days: number;
      readonly commonName: string;
    };

/**
 * Google has refused more than 315,360,000 seconds from the first moment to the last.
 *
 * @see https://github.com/GAM-team/GAM/pull/1127
 */
const MAX_DAYS = 3_650;
const DEFAULT_DAYS = 365;
/** What Google's own instructions have. */
const DEFAULT_COMMON_NAME = 'unused';

export const KMS_CERTIFICATE_HELP = `Prints an X.509 certificate of a signing key in AWS KMS, which the key itself signs: its private half stays in KMS.
Google takes the certificate as the public half of a service account's key.

Usage: npm run --silent kms-certificate -- --key-id KEY [options] > cert.pem

  --key-id KEY          the key: its id, its ARN, or its alias (alias/NAME); RSA, of usage SIGN_VERIFY
  --client-email EMAIL  the service account; for the next command, which is then printed whole
  --days N              how long Google is to take the key, from 1 to ${MAX_DAYS} (${DEFAULT_DAYS})
  --common-name NAME    the certificate's subject (${DEFAULT_COMMON_NAME}); everybody can read it, so name nothing in it
  --region REGION       the key's region, if neither its ARN nor your AWS configuration says it
  --help                this text

Your own AWS credentials are used, and need kms:GetPublicKey and kms:Sign on the key. At Google you need
roles/iam.serviceAccountKeyAdmin, and no organization policy against it: iam.disableServiceAccountKeyUpload
forbids uploads, and iam.serviceAccountKeyExpiryHours sets a shorter limit for --days.

Example:
  aws kms create-key --key-spec RSA_2048 --key-usage SIGN_VERIFY
  npm run --silent kms-certificate -- --key-id KEY --client-email EMAIL > cert.pem
  gcloud iam service-accounts keys upload cert.pem --iam-account projects/-/serviceAccounts/EMAIL

The certificate goes to standard output and all else to standard error; the status is 1 if there is no certificate.
`;

const OPTIONS = {
  'key-id': { type: 'string', default: '' },
  'client-email': { type: 'string' },
  days: { type: 'string', default: String(DEFAULT_DAYS) },
  'common-name': { type: 'string', default: DEFAULT_COMMON_NAME },
  region: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const KEY_ID = /^[\w:/-]{1,2048}$/;
const ARN_REGION = /^arn:[a-z-]+:kms:([a-z0-9-]+):/;
/** It becomes a part of a host name. */
const REGION = /^[a-z]+(?:-[a-z]+)+-\d{1,2}$/;
/** It becomes a word of a command for a shell. */
const EMAIL = /^[a-z0-9][a-z0-9.-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)+$/;
/** RFC 5280's bound for a common name, and no control characters. */
const COMMON_NAME = /^\P{C}{1,64}$/u;

function demand(flag: string, value: string, pattern: RegExp, right: string): string {
  if (!pattern.test(value)) {
    throw new UsageError(
      value === ''
        ? `--${flag} is missing: ${right}. See npm run kms-certificate -- --help.`
        : `--${flag}: ${JSON.stringify(value)} will not do; ${right}.`,
    );
  }
  return value;
}

function parseDays(text: string): number {
  const days = Number(text);
  if (!/^\d{1,5}$/.test(text) || days < 1 || days > MAX_DAYS) {
    throw new UsageError(
      `--days: ${JSON.stringify(text)} will not do; give a whole number from 1 to ${MAX_DAYS}.`,
    );
  }
  return days;
}

/**
 * Returns what the arguments of `npm run kms-certificate` ask for.
 *
 * @throws {UsageError} naming the argument that is wrong
 */
export function parseKmsCertificateOptions(args: readonly string[]): KmsCertificateOptions {
  const { values } = parseFlags('npm run kms-certificate', { args: [...args], options: OPTIONS });
  if (values.help) {
    return { help: true };
  }
  const { region, 'client-email': email } = values;
  const keyId = demand(
    'key-id',
    values['key-id'],
    KEY_ID,
    'give a key id, an ARN, or an alias as alias/NAME',
  );
  return {
    help: false,
    keyId,
    region:
      region === undefined
        ? ARN_REGION.exec(keyId)?.[1]
        : demand('region', region, REGION, 'give one such as eu-west-1'),
    clientEmail:
      email === undefined
        ? undefined
        : demand('client-email', email, EMAIL, 'give one such as NAME@PROJECT.iam.gserviceaccount.com'),
    days: parseDays(values.days),
    commonName: demand(
      'common-name',
      values['common-name'],
      COMMON_NAME,
      'give from 1 to 64 characters in one line',
    ),
  };
}
