import { X509Certificate } from 'node:crypto';
import { certificateToSign, sealCertificate } from './certificate.ts';
import { KMS_CERTIFICATE_HELP, parseKmsCertificateOptions } from './kms-certificate-options.ts';
import { type KmsSigningKey, openKmsSigningKey } from './kms-signing-key.ts';
import { runCommand, UsageError } from './usage-error.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Google takes no certificate whose time has not come, and this machine's clock may be ahead of Google's. */
const CLOCK_SKEW_MS = 5 * 60 * 1000;

type Wanted = { readonly commonName: string; readonly days: number };

/** The days count from the first moment to the last, as Google's limits do. */
async function certify(key: KmsSigningKey, { commonName, days }: Wanted): Promise<string> {
  const notBeforeMs = Date.now() - CLOCK_SKEW_MS;
  const toBeSigned = certificateToSign({
    publicKey: key.publicKey.export({ type: 'spki', format: 'der' }),
    commonName,
    notBeforeMs,
    notAfterMs: notBeforeMs + days * DAY_MS,
  });
  return sealCertificate(toBeSigned, await key.sign(toBeSigned));
}

/** Nothing is printed that Google could not verify either. */
function verify(pem: string, key: KmsSigningKey): X509Certificate {
  const certificate = new X509Certificate(pem);
  if (!certificate.verify(key.publicKey)) {
    throw new UsageError(
      `The signature that KMS gave does not fit the public half of ${key.arn} that it gave: no certificate is printed. Try again, and look at AWS_ENDPOINT_URL_KMS if you set it.`,
    );
  }
  return certificate;
}

function report(certificate: X509Certificate, key: KmsSigningKey, clientEmail = 'EMAIL'): string {
  const until = certificate.validToDate.toISOString().replace('.000', '');
  return `The certificate of ${key.arn} (${key.spec}) is on standard output, signed by KMS and verified.
Google takes the key until ${until}, and not a second longer: have the next one in place by then.

Give it to Google:
  gcloud iam service-accounts keys upload cert.pem --iam-account projects/-/serviceAccounts/${clientEmail}

and put the key id that it prints, the last part of \`name\`, into the credential document's \`private_key_id\`.
`;
}

/**
 * Prints a certificate, PEM, with which a key in KMS serves as a key of a Google service account.
 *
 *     node infra/kms-certificate-command.ts --key-id KEY [--client-email EMAIL] [--days N]
 *
 * The subject says nothing, and there are no extensions: everybody can read the certificate, and Google advises both.
 *
 * @see https://cloud.google.com/iam/docs/keys-upload
 */
await runCommand(async () => {
  const options = parseKmsCertificateOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(KMS_CERTIFICATE_HELP);
    return;
  }
  // Where there are no credentials, the SDK would wait for an instance metadata service that most machines lack.
  process.env.AWS_EC2_METADATA_DISABLED ||= 'true';
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
  // The AWS CLI knows the second variable, the SDK does not.
  const region = options.region ?? (AWS_REGION || AWS_DEFAULT_REGION || undefined);

  const key = await openKmsSigningKey(options.keyId, region);
  const pem = await certify(key, options);
  const certificate = verify(pem, key);

  process.stdout.write(pem);
  process.stderr.write(report(certificate, key, options.clientEmail));
});
