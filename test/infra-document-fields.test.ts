import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseKeylessDocument } from '../infra/keyless-document.ts';
import { UsageError } from '../infra/usage-error.ts';
import { openAwsKms } from '../lambda/credentials/aws-kms.ts';
import { faultOf } from '../lambda/credentials/credential-document.ts';
import { openExternalAccount } from '../lambda/credentials/external-account.ts';
import { openImpersonatedServiceAccount } from '../lambda/credentials/impersonated-service-account.ts';
import type { OpenSource, TokenSource } from '../lambda/credentials/token-source.ts';
import { type Fields, isFields } from '../lambda/fields.ts';
import { createVendorStack } from './infra-rig.ts';
import { PRIVATE_KEY_PEM } from './make-document.ts';
import {
  EMAIL,
  impersonating,
  impersonationUrl,
  KMS,
  KMS_KEY_ARN,
  PROVIDER,
  SIGNED_REQUEST,
  SIGNED_REQUEST_READ,
  WEB_IDENTITY,
} from './make-keyless.ts';
import { sourceDependencies } from './make-source.ts';

/** What no other document of its kind has more of: all that the function reads. */
const WHOLE_SIGNED_REQUEST = {
  ...SIGNED_REQUEST_READ,
  service_account_impersonation: { token_lifetime_seconds: 3_600 },
};
const WHOLE_WEB_IDENTITY = {
  ...WEB_IDENTITY,
  universe_domain: 'googleapis.com',
  token_url: 'https://sts.googleapis.com/v1/token',
  credential_source: { aws_web_identity_token: { audience: 'vendor', duration_seconds: 600 } },
  service_account_impersonation: { token_lifetime_seconds: 3_600 },
};
const WHOLE_KMS = {
  ...KMS,
  key_id: KMS_KEY_ARN,
  private_key_id: '0123456789abcdef0123456789abcdef01234567',
  token_uri: 'https://oauth2.googleapis.com/token',
  universe_domain: 'googleapis.com',
};
const WHOLES: readonly (readonly [string, object])[] = [
  ['federation by signed requests', WHOLE_SIGNED_REQUEST],
  ["federation by AWS's tokens", WHOLE_WEB_IDENTITY],
  ['a key in KMS', WHOLE_KMS],
  ...[WHOLE_SIGNED_REQUEST, WHOLE_WEB_IDENTITY, WHOLE_KMS].map(
    (source) =>
      [
        `impersonation by ${source.type}`,
        impersonating(source, { delegates: [EMAIL], universe_domain: 'googleapis.com' }),
      ] as const,
  ),
];

/** What Google's own files have besides, and the function does not read. */
const BESIDES = {
  account: '',
  auth_provider_x509_cert_url: 'https://www.googleapis.com/oauth2/v1/certs',
  auth_uri: 'https://accounts.google.com/o/oauth2/auth',
  client_id: '123456789012345678901',
  client_x509_cert_url: 'https://www.googleapis.com/robot/v1/metadata/x509/x',
  project_id: 'example-project',
  quota_project_id: 'example-project',
  token_info_url: 'https://sts.googleapis.com/v1/introspect',
};

function fieldsOf(document: object): unknown {
  return parseKeylessDocument(document, 'document').fields;
}

function refusalOf(document: object): string {
  try {
    parseKeylessDocument(document, 'document');
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  throw new Error('it was taken');
}

test.each(WHOLES)('of %s all that the function reads is kept', (_, document) => {
  expect(fieldsOf(document)).toEqual(document);
});

const OPENERS: Readonly<Record<string, OpenSource>> = {
  external_account: openExternalAccount,
  aws_kms: openAwsKms,
  impersonated_service_account: openImpersonatedServiceAccount,
};

/** The function's own code opens a document; Google and AWS are not asked for that. */
async function open(document: Fields): Promise<unknown> {
  return OPENERS[String(document.type)]?.(document, faultOf('document'), {
    ...sourceDependencies(),
    openDocument: async (inner) => (await open(inner)) as TokenSource,
  });
}

/** A document that notes down in `seen` which of its fields are looked at: `credential_source.environment_id`. */
function watched(document: object, seen: Set<string>, place = ''): Fields {
  return new Proxy(document as Fields, {
    get: (target, name: string) => {
      seen.add(`${place}${name}`);
      return isFields(target[name]) ? watched(target[name], seen, `${place}${name}.`) : target[name];
    },
  });
}

test.each(WHOLES)('of %s the function looks at no field that is not in the template', async (_, document) => {
  const looked = new Set<string>();
  const kept = new Set<string>();

  await open(watched(document, looked));
  JSON.stringify(watched(fieldsOf(document) as object, kept));

  expect([...looked].filter((field) => !kept.has(field))).toEqual([]);
  expect(looked.size).toBeGreaterThan(4);
});

test.each(WHOLES)("of %s what Google's own files have besides is left out", (_, document) => {
  const { source_credentials: source } = document as { source_credentials?: object };
  const given = {
    ...document,
    ...BESIDES,
    ...(source === undefined ? {} : { source_credentials: { ...source, ...BESIDES } }),
  };

  expect(fieldsOf(given)).toEqual(document);
});

test('of how to prove who the function is, only what it reads is kept', () => {
  const both = {
    ...SIGNED_REQUEST.credential_source,
    ...WHOLE_WEB_IDENTITY.credential_source,
    imdsv2_session_token_url: 'http://169.254.169.254/latest/api/token',
  };

  expect(fieldsOf({ ...WHOLE_SIGNED_REQUEST, credential_source: both })).toEqual(WHOLE_SIGNED_REQUEST);
  expect(fieldsOf({ ...WHOLE_WEB_IDENTITY, credential_source: both })).toEqual(WHOLE_WEB_IDENTITY);
});

test('what is there without a value is not there', () => {
  const document = { ...KMS, universe_domain: null, private_key_id: undefined, note: undefined };

  expect(fieldsOf(document)).toEqual(KMS);
});

test.each([
  ['privateKey', { ...KMS, privateKey: 'x' }],
  ['key', { ...KMS, key: 'x' }],
  ['private_key_data', { ...SIGNED_REQUEST, private_key_data: 'x' }],
  ['api_key', { ...SIGNED_REQUEST, api_key: 'x' }],
  ['accessToken', { ...WEB_IDENTITY, accessToken: 'x' }],
  ['pwd', { ...WEB_IDENTITY, pwd: 'x' }],
  ['note', { ...KMS, note: 'x' }],
  ['workforce_pool_user_project', { ...SIGNED_REQUEST, workforce_pool_user_project: '1' }],
  ['token_url', { ...KMS, token_url: 'https://sts.googleapis.com/v1/token' }],
  ['constructor', { ...KMS, constructor: 'x' }],
  ['__proto__', JSON.parse(`{"type":"aws_kms","client_email":"${EMAIL}","__proto__":"x"}`) as object],
  [
    'credential_source.headers',
    {
      ...SIGNED_REQUEST,
      credential_source: { ...SIGNED_REQUEST.credential_source, headers: { Authorization: 'x' } },
    },
  ],
  [
    'credential_source.aws_web_identity_token.signature',
    { ...WEB_IDENTITY, credential_source: { aws_web_identity_token: { signature: 'x' } } },
  ],
  [
    'service_account_impersonation.lifetime',
    { ...SIGNED_REQUEST, service_account_impersonation: { lifetime: 600 } },
  ],
  ['source', impersonating(KMS, { source: 'x' })],
  ['source_credentials.pass', impersonating({ ...KMS, pass: 'x' })],
  [
    'source_credentials.credential_source.file',
    impersonating({
      ...SIGNED_REQUEST,
      credential_source: { ...SIGNED_REQUEST.credential_source, file: '/token' },
    }),
  ],
])('the field %s, which the function does not read, is refused by its name', (field, document) => {
  expect(refusalOf(document)).toContain(
    `The document cannot be used: its field ${field} is none that the function reads`,
  );
});

test('the refusal of a field says which there are beside it', () => {
  expect(refusalOf({ ...KMS, clientEmail: 'x' })).toBe(
    'The document cannot be used: its field clientEmail is none that the function reads: leave it out, since whoever may read the template could read it. Here it reads client_email, key_id, private_key_id, token_uri, type, universe_domain.',
  );
  expect(
    refusalOf({ ...WEB_IDENTITY, credential_source: { aws_web_identity_token: { duration: 600 } } }),
  ).toContain('Here it reads audience, duration_seconds.');
});

test.each([
  PRIVATE_KEY_PEM,
  `ya29.${'x'.repeat(20)}`,
  'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  'x'.repeat(40),
  'a\u001b[2Jb',
])(
  'what stands in the place of a name and may be a secret, or act on a terminal, is not shown (%#)',
  (name) => {
    const message = refusalOf({ ...KMS, [name]: 1 });

    expect(message).toContain('its field … is none that the function reads');
    expect(message).not.toContain(name);
  },
);

test.each([
  [
    'an object in the place of a number that is not read',
    {
      ...WHOLE_SIGNED_REQUEST,
      service_account_impersonation_url: undefined,
      service_account_impersonation: { token_lifetime_seconds: { a: 'x' } },
    },
    'its field service_account_impersonation.token_lifetime_seconds must be a number',
  ],
  [
    'text in the place of an object',
    { ...SIGNED_REQUEST, service_account_impersonation: 'x' },
    'its field service_account_impersonation must be an object',
  ],
  [
    'a list in the place of an object',
    { ...SIGNED_REQUEST, service_account_impersonation: [{ a: 'x' }] },
    'its field service_account_impersonation must be an object',
  ],
])('%s is refused', (_, document, message) => {
  expect(refusalOf(document)).toContain(message);
});

/** Whatever is added anywhere to a document: its name, how deep it is, and what surrounds it. */
const ADDED = fc.record({
  document: fc.constantFrom(...WHOLES.map(([, whole]) => whole)),
  place: fc.array(fc.nat({ max: 8 }), { maxLength: 3 }),
  name: fc.oneof(
    fc.string(),
    fc.constantFrom(...Object.keys(BESIDES), 'url', 'region_url', '__proto__', 'toString', 'headers'),
  ),
  value: fc.constantFrom<unknown>('MARK', ['MARK'], { audience: 'MARK' }, { MARK: 1 }),
});

/** Returns the document with one more member in one of its objects: `place` says in which one, step by step. */
function withAdded(
  document: object,
  [step, ...further]: readonly number[],
  name: string,
  value: unknown,
): object {
  const inner = Object.entries(document).filter(
    ([, member]) => typeof member === 'object' && !Array.isArray(member),
  );
  const [at, member] = (step === undefined ? undefined : inner[step % Math.max(inner.length, 1)]) ?? [];
  return at === undefined
    ? Object.fromEntries([...Object.entries(document), [name, value]])
    : { ...document, [at]: withAdded(member as object, further, name, value) };
}

test('nothing that the function does not read gets into a template, whatever its name', () => {
  fc.assert(
    fc.property(ADDED, ({ document, place, name, value }) => {
      fc.pre(!JSON.stringify(document).includes(`${JSON.stringify(name)}:`));
      let fields: unknown;
      try {
        fields = fieldsOf(withAdded(document, place, name, value));
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        expect((error as Error).message).not.toContain('MARK');
        return;
      }
      expect(JSON.stringify(fields)).not.toContain('MARK');
    }),
    { numRuns: 500 },
  );
});

const ESCAPED = ['\u001b[2J', '\u0007', '\n', '\r', '\u0085', '\u2028', '\u202e', '\ufeff'];

test.each([
  [
    'credential_source.aws_web_identity_token.audience',
    (text: string) => ({
      ...WEB_IDENTITY,
      credential_source: { aws_web_identity_token: { audience: `one${text}two` } },
    }),
  ],
  ['client_email', (text: string) => ({ ...KMS, client_email: `a${text}@example.iam.gserviceaccount.com` })],
  ['private_key_id', (text: string) => ({ ...KMS, private_key_id: `a${text}` })],
  [
    'delegates',
    (text: string) => impersonating(KMS, { delegates: [EMAIL, `a${text}@example.iam.gserviceaccount.com`] }),
  ],
  [
    'service_account_impersonation_url',
    (text: string) => ({
      ...SIGNED_REQUEST,
      service_account_impersonation_url: impersonationUrl(`a${text}@example.iam.gserviceaccount.com`),
    }),
  ],
  [
    'source_credentials.client_email',
    (text: string) => impersonating({ ...KMS, client_email: `a@example${text}.iam.gserviceaccount.com` }),
  ],
])(
  'a control character in the field %s, which a terminal would act on, is refused',
  (field, documentWith) => {
    for (const text of ESCAPED) {
      const message = refusalOf(documentWith(text));

      expect(message).toContain(`its field ${field} `);
      expect(message).not.toContain(text);
    }
  },
);

test.each([
  ['client_email', { ...KMS, client_email: 'someone@example' }],
  ['client_email', { ...KMS, client_email: '$(id)@example.iam.gserviceaccount.com' }],
  ['delegates', impersonating(KMS, { delegates: ['$(id)@example.iam.gserviceaccount.com'] })],
  [
    'service_account_impersonation_url',
    {
      ...SIGNED_REQUEST,
      service_account_impersonation_url: impersonationUrl('`id`@example.iam.gserviceaccount.com'),
    },
  ],
  [
    'service_account_impersonation_url',
    impersonating(KMS, {
      service_account_impersonation_url: impersonationUrl("'@example.iam.gserviceaccount.com"),
    }),
  ],
  [
    'source_credentials.service_account_impersonation_url',
    impersonating({
      ...SIGNED_REQUEST,
      service_account_impersonation_url: impersonationUrl('a b@example.iam.gserviceaccount.com'),
    }),
  ],
])('an address of no service account in the field %s is refused', (field, document) => {
  expect(refusalOf(document)).toContain(`its field ${field} names no service account: its e-mail address`);
});

test('a source of another universe than the document around it is refused, as the function refuses it', () => {
  const source = {
    ...SIGNED_REQUEST,
    universe_domain: 'example.goog',
    audience: PROVIDER.replace('googleapis.com', 'example.goog'),
    token_url: 'https://sts.example.goog/v1/token',
    service_account_impersonation_url: impersonationUrl(EMAIL).replace('googleapis.com', 'example.goog'),
  };

  expect(refusalOf(impersonating(source))).toContain(
    'its field source_credentials.universe_domain is not that of the document itself',
  );
});

test('the template has what the function reads, and nothing else of the document', () => {
  const { text } = createVendorStack(() => ({
    credentials: { default: { document: { ...SIGNED_REQUEST, ...BESIDES } } },
  }));

  const template = text();

  expect(template).toContain(JSON.stringify(JSON.stringify(SIGNED_REQUEST_READ)).slice(1, -1));
  expect(template).not.toContain('169.254.169.254');
  expect(template).not.toContain(BESIDES.client_id);
});
