import type { Fault } from '../lambda/credentials/credential-document.ts';
import type { AwsProof } from '../lambda/credentials/external-account-document.ts';
import { type Fields, isFields } from '../lambda/fields.ts';
import { shownName } from './no-secret.ts';

/** How the function proves to Google who it is: of which fields it depends what is read. */
export type SourceKind = 'aws_kms' | AwsProof['kind'];

/** What an object of a document has that is of use, and what Google's tools write there that is not. */
type Shape = {
  readonly reads: Readonly<Record<string, 'text' | 'texts' | 'number' | Shape>>;
  readonly leavesOut: readonly string[];
};

/** @see https://cloud.google.com/iam/docs/keys-create-delete what a key file has, and what gcloud puts beside each login */
const WRITTEN_BY_GOOGLE = [
  'account',
  'auth_provider_x509_cert_url',
  'auth_uri',
  'client_id',
  'client_x509_cert_url',
  'project_id',
  'quota_project_id',
  'token_info_url',
];

/** The URLs are the instance metadata service's, which is never asked; the others, whichever of the proofs is not taken. */
const NOT_ASKED = [
  'region_url',
  'url',
  'imdsv2_session_token_url',
  'environment_id',
  'regional_cred_verification_url',
  'aws_web_identity_token',
];

const PROOFS: Readonly<Record<AwsProof['kind'], Shape>> = {
  signed_request: {
    reads: { environment_id: 'text', regional_cred_verification_url: 'text' },
    leavesOut: NOT_ASKED,
  },
  web_identity_token: {
    reads: {
      aws_web_identity_token: { reads: { audience: 'text', duration_seconds: 'number' }, leavesOut: [] },
    },
    leavesOut: NOT_ASKED,
  },
};

const KMS: Shape = {
  reads: {
    type: 'text',
    key_id: 'text',
    client_email: 'text',
    private_key_id: 'text',
    token_uri: 'text',
    universe_domain: 'text',
  },
  leavesOut: WRITTEN_BY_GOOGLE,
};

function externalAccount(proof: AwsProof['kind']): Shape {
  return {
    reads: {
      type: 'text',
      audience: 'text',
      subject_token_type: 'text',
      token_url: 'text',
      universe_domain: 'text',
      credential_source: PROOFS[proof],
      service_account_impersonation_url: 'text',
      service_account_impersonation: { reads: { token_lifetime_seconds: 'number' }, leavesOut: [] },
    },
    leavesOut: WRITTEN_BY_GOOGLE,
  };
}

function shapeOf(document: Fields, kind: SourceKind): Shape {
  const source = kind === 'aws_kms' ? KMS : externalAccount(kind);
  return document.type === 'impersonated_service_account'
    ? {
        reads: {
          type: 'text',
          service_account_impersonation_url: 'text',
          delegates: 'texts',
          universe_domain: 'text',
          source_credentials: source,
        },
        leavesOut: WRITTEN_BY_GOOGLE,
      }
    : source;
}

/** What a terminal or a reader would act on, and no value has: control characters, line ends, directions. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && !UNSEEN.test(value);
}

function read(value: unknown, shape: Shape['reads'][string], name: string, fault: Fault): unknown {
  switch (shape) {
    case 'text':
      if (!isPlainText(value)) {
        throw fault(name, 'must be text without control characters');
      }
      return value;
    case 'texts':
      if (!Array.isArray(value) || !value.every(isPlainText)) {
        throw fault(name, 'must be a list of text without control characters');
      }
      return value;
    case 'number':
      if (typeof value !== 'number') {
        throw fault(name, 'must be a number');
      }
      return value;
    default:
      if (!isFields(value)) {
        throw fault(name, 'must be an object');
      }
      return keep(value, shape, (inner, fix) => fault(`${name}.${inner}`, fix));
  }
}

function keep(fields: Fields, { reads, leavesOut }: Shape, fault: Fault): Fields {
  const kept = Object.entries(fields).flatMap(([name, value]) => {
    const shape = Object.hasOwn(reads, name) ? reads[name] : undefined;
    if (value === undefined || (shape === undefined && leavesOut.includes(name))) {
      return [];
    }
    if (shape === undefined) {
      throw fault(
        shownName(name),
        `is none that the function reads: leave it out, since whoever may read the template could read it. Here it reads ${Object.keys(reads).sort().join(', ')}`,
      );
    }
    return value === null ? [] : [[name, read(value, shape, name, fault)]];
  });
  return Object.fromEntries(kept);
}

/**
 * Returns those fields of a document that the function reads, and nothing else: whoever may read the template can read
 * them. What Google's tools write and nobody reads here is left out; any other field is refused, by its name.
 *
 * `document` has been parsed already; what the parsers do not look at is judged here.
 *
 * @throws {VendError} `credential_invalid`, made by `fault`
 */
export function readFields(document: Fields, kind: SourceKind, fault: Fault): Fields {
  return keep(document, shapeOf(document, kind), fault);
}
