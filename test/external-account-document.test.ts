import fc from 'fast-check';
import { expect, test } from 'vitest';
import { faultOf } from '../lambda/credentials/credential-document.ts';
import {
  type ExternalAccount,
  parseExternalAccount,
} from '../lambda/credentials/external-account-document.ts';
import { VendError } from '../lambda/errors.ts';

const PROVIDER =
  '//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/pool/providers/aws';
const TARGET = 'reader@example-project.iam.gserviceaccount.com';
const IMPERSONATION_URL = `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${TARGET}:generateAccessToken`;
const QUERY = 'Action=GetCallerIdentity&Version=2011-06-15';
const REGIONAL = `https://sts.{region}.amazonaws.com?${QUERY}`;

/** As `gcloud iam workload-identity-pools create-cred-config --aws` writes it. */
const SIGNED = {
  universe_domain: 'googleapis.com',
  type: 'external_account',
  audience: PROVIDER,
  subject_token_type: 'urn:ietf:params:aws:token-type:aws4_request',
  token_url: 'https://sts.googleapis.com/v1/token',
  credential_source: {
    environment_id: 'aws1',
    region_url: 'http://169.254.169.254/latest/meta-data/placement/availability-zone',
    url: 'http://169.254.169.254/latest/meta-data/iam/security-credentials',
    regional_cred_verification_url: REGIONAL,
  },
};
const OIDC = {
  ...SIGNED,
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  credential_source: { aws_web_identity_token: {} },
};

function parse(document: object): ExternalAccount {
  return parseExternalAccount({ ...document }, faultOf('secret S'));
}

/** The fault of a document, without the beginning that all have. */
function faultIn(document: object): string {
  try {
    parse(document);
  } catch (error) {
    expect(error).toBeInstanceOf(VendError);
    const { code, message } = error as VendError;
    expect(code).toBe('credential_invalid');
    expect(message).toMatch(/^The secret S cannot be used: its field /);
    return message.replace('The secret S cannot be used: its field ', '');
  }
  return 'none';
}

function withVerification(url: unknown): object {
  return {
    ...SIGNED,
    credential_source: { ...SIGNED.credential_source, regional_cred_verification_url: url },
  };
}

test('reads what gcloud writes', () => {
  expect(parse(SIGNED)).toEqual({
    audience: PROVIDER,
    subjectTokenType: SIGNED.subject_token_type,
    tokenUrl: 'https://sts.googleapis.com/v1/token',
    proof: { kind: 'signed_request', verificationUrl: REGIONAL },
    impersonation: undefined,
  });
});

test('reads what gcloud writes with --service-account and --service-account-token-lifetime-seconds', () => {
  const { impersonation } = parse({
    ...SIGNED,
    service_account_impersonation_url: IMPERSONATION_URL,
    service_account_impersonation: { token_lifetime_seconds: 7_200 },
  });

  expect(impersonation).toEqual({
    origin: 'https://iamcredentials.googleapis.com',
    serviceAccount: TARGET,
    tokenUri: 'https://oauth2.googleapis.com/token',
    lifetimeSeconds: 7_200,
  });
});

test('needs no more than the provider, the type and aws1', () => {
  const { universe_domain: _, token_url: __, ...rest } = SIGNED;

  expect(parse({ ...rest, credential_source: { environment_id: 'aws1' } })).toEqual(parse(SIGNED));
});

test('finds Google in the document’s universe', () => {
  const { token_url: _, ...rest } = SIGNED;
  const { tokenUrl, impersonation } = parse({
    ...rest,
    universe_domain: 'example-universe.goog',
    audience: PROVIDER.replace('googleapis.com', 'example-universe.goog'),
    service_account_impersonation_url: IMPERSONATION_URL.replace('googleapis.com', 'example-universe.goog'),
  });

  expect(tokenUrl).toBe('https://sts.example-universe.goog/v1/token');
  expect(impersonation).toMatchObject({
    origin: 'https://iamcredentials.example-universe.goog',
    tokenUri: 'https://oauth2.example-universe.goog/token',
  });
});

test('has all of Google on loopback, if a field says that it is there', () => {
  const url = IMPERSONATION_URL.replace('https://iamcredentials.googleapis.com', 'http://127.0.0.1:8081');
  const token_url = 'http://127.0.0.1:8081/v1/token';

  expect(parse({ ...SIGNED, token_url, service_account_impersonation_url: url })).toMatchObject({
    tokenUrl: 'http://127.0.0.1:8081/v1/token',
    impersonation: { origin: 'http://127.0.0.1:8081', tokenUri: 'http://127.0.0.1:8081/token' },
  });
});

test.each(['gopher://127.0.0.1:70/', 'javascript://localhost/', 'file://localhost/token', 'ws://[::1]:8081'])(
  'takes %s, which is no address of the web, for no sign that Google is on loopback',
  (token_uri) => {
    const { token_url: _, ...rest } = SIGNED;

    expect(parse({ ...rest, token_uri }).tokenUrl).toBe('https://sts.googleapis.com/v1/token');
  },
);

test('ignores the addresses of the instance metadata service, whatever stands there', () => {
  const source = {
    ...SIGNED.credential_source,
    region_url: 'http://evil.example/region',
    url: 'file:///proc/self/environ',
    imdsv2_session_token_url: 'http://169.254.169.254/latest/api/token',
  };

  const parsed = parse({ ...SIGNED, credential_source: source });

  expect(parsed).toEqual(parse(SIGNED));
  expect(JSON.stringify(parsed)).not.toMatch(/169\.254|evil|proc/);
});

test('takes nothing from fields that are another kind of credential’s', () => {
  const more = {
    ...SIGNED,
    private_key: 'canary',
    client_secret: 'canary',
    refresh_token: 'canary',
    quota_project_id: 'canary',
    workforce_pool_user_project: 'canary',
    token_info_url: 'https://evil.example/introspect',
    revoke_url: 'https://evil.example/revoke',
  };

  expect(parse(more)).toEqual(parse(SIGNED));
});

test.each([PROVIDER, '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b'])(
  'takes the audience %s',
  (audience) => {
    expect(parse({ ...SIGNED, audience }).audience).toBe(audience);
  },
);

test.each([
  undefined,
  null,
  7,
  '',
  [PROVIDER],
  'https:',
  `https:${PROVIDER}`,
  PROVIDER.slice(2),
  `${PROVIDER}/`,
  `${PROVIDER}\n`,
  ` ${PROVIDER}`,
  `${PROVIDER}?x`,
  PROVIDER.toUpperCase(),
  PROVIDER.replace('123456789012', 'example-project'),
  PROVIDER.replace('global', 'eu'),
  PROVIDER.replace('/providers/aws', ''),
  PROVIDER.replace('//iam.googleapis.com', '//evil.example'),
  PROVIDER.replace('//iam.googleapis.com', '//iam.googleapis.com@evil.example'),
  PROVIDER.replace('pool/', '../'),
])('refuses the audience %j', (audience) => {
  expect(faultIn({ ...SIGNED, audience })).toMatch(
    /^audience (?:must be a provider|is missing or no string)/,
  );
});

test('says of a workforce pool what it is', () => {
  const audience = '//iam.googleapis.com/locations/global/workforcePools/pool/providers/aws';

  expect(faultIn({ ...SIGNED, audience })).toBe(
    'audience is of a workforce pool, which is for people; make a workload identity pool.',
  );
});

test.each(['urn:ietf:params:oauth:token-type:jwt', 'urn:ietf:params:oauth:token-type:id_token'])(
  'takes the subject token type %s for a token of AWS’s',
  (type) => {
    expect(parse({ ...OIDC, subject_token_type: type })).toMatchObject({
      subjectTokenType: type,
      proof: { kind: 'web_identity_token', audience: `https:${PROVIDER}`, durationSeconds: 3_600 },
    });
  },
);

test.each([
  'urn:ietf:params:oauth:token-type:saml2',
  'urn:ietf:params:oauth:token-type:access_token',
  'urn:ietf:params:aws:token-type:aws4_request ',
  'AWS4_REQUEST',
  'constructor',
])('refuses the subject token type %j', (type) => {
  expect(faultIn({ ...SIGNED, subject_token_type: type })).toBe(
    'subject_token_type must be urn:ietf:params:aws:token-type:aws4_request or urn:ietf:params:oauth:token-type:jwt.',
  );
});

test.each([undefined, null, 7, '', ['urn:ietf:params:oauth:token-type:jwt']])(
  'refuses the subject token type %j, which is no text',
  (type) => {
    expect(faultIn({ ...SIGNED, subject_token_type: type })).toMatch(/^subject_token_type is missing or no/);
  },
);

test.each([
  'https://sts.googleapis.com/v1/token',
  'https://sts.eu-west1.rep.googleapis.com/v1/token',
  'https://sts.mtls.googleapis.com/v1/token',
  'http://127.0.0.1:8081/v1/token',
  'http://localhost:8081/v1/token',
  'http://[::1]:8081/v1/token',
])('exchanges at %s', (token_url) => {
  expect(parse({ ...SIGNED, token_url }).tokenUrl).toBe(token_url);
});

/** Addresses that are not Google's, however much they look it. */
const ELSEWHERE = [
  'https://evil.example/v1/token',
  'https://sts.googleapis.com.evil.example/v1/token',
  'https://evilgoogleapis.com/v1/token',
  'https://googleapis.com.evil.example/v1/token',
  'https://evil.example/sts.googleapis.com',
  'https://evil.example?sts.googleapis.com',
  'https://evil.example#.googleapis.com',
  'https://evil.example\\.googleapis.com/v1/token',
  'https://sts.googleapis.com@evil.example/v1/token',
  'https://user@sts.googleapis.com/v1/token',
  'https://user:pass@sts.googleapis.com/v1/token',
  'https://:pass@sts.googleapis.com/v1/token',
  'https://sts.googleapis.com./v1/token',
  'https://sts.googleapis。com.evil.example/v1/token',
  'https://sts%2egoogleapis.com.evil.example/v1/token',
  'http://sts.googleapis.com/v1/token',
  'ftp://sts.googleapis.com/v1/token',
  'http://169.254.169.254/latest/meta-data/',
  'http://[::ffff:169.254.169.254]/latest/',
  'http://169.254.170.2/v2/credentials',
  'http://0.0.0.0/v1/token',
  'http://127.0.0.1.evil.example/v1/token',
  'http://127.0.0.1@evil.example/v1/token',
  'http://localhost.evil.example/v1/token',
  'http://evil.example:80/127.0.0.1',
  'file:///proc/self/environ',
  'data:application/json,{}',
  'javascript:1',
  '//sts.googleapis.com/v1/token',
  'sts.googleapis.com/v1/token',
  '/v1/token',
  'https://',
  'https:///v1/token',
];

test.each([...ELSEWHERE, 'https://sts.{region}.amazonaws.com/v1/token', ''])(
  'exchanges nothing at %j',
  (token_url) => {
    expect(faultIn({ ...SIGNED, token_url })).toMatch(
      /^token_url is (?:no https address of Google's|missing)/,
    );
  },
);

test.each([null, 7, ['https://sts.googleapis.com/v1/token'], {}])(
  'refuses %j for a token URL',
  (token_url) => {
    expect(faultIn({ ...SIGNED, token_url })).toMatch(/^token_url is missing or no string/);
  },
);

test.each(['', 'googleapis', 'googleapis.com/', 'Googleapis.com', 'a b.com', '*.com', 7, null, []])(
  'refuses the universe %j',
  (universe_domain) => {
    const { token_url: _, ...rest } = SIGNED;
    const fault = faultIn({ ...rest, universe_domain });

    // `null` is what a JSON writer without the field would put.
    expect(fault).toBe(universe_domain === null ? 'none' : 'universe_domain is no domain name.');
  },
);

test.each([
  ...ELSEWHERE.map((url) => url.replace(/\/?(?:v1\/token)?$/, IMPERSONATION_URL.slice(37))),
  'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/',
  IMPERSONATION_URL.replace('generateAccessToken', 'generateIdToken'),
  IMPERSONATION_URL.replace('generateAccessToken', 'signJwt'),
  IMPERSONATION_URL.replace('/-/', '/example-project/'),
  IMPERSONATION_URL.replace('/v1/', '/v2/'),
  IMPERSONATION_URL.replace(TARGET, ''),
  IMPERSONATION_URL.replace(TARGET, 'reader'),
  IMPERSONATION_URL.replace(TARGET, `${TARGET}/x`),
  IMPERSONATION_URL.replace(TARGET, TARGET.replace('@', '%40')),
  IMPERSONATION_URL.replace(TARGET, `..%2F${TARGET}`),
  `${IMPERSONATION_URL}?alt=json`,
  `${IMPERSONATION_URL}#x`,
  `${IMPERSONATION_URL}\n`,
  '',
  null,
  7,
  [IMPERSONATION_URL],
])('impersonates nobody at %j', (service_account_impersonation_url) => {
  expect(faultIn({ ...SIGNED, service_account_impersonation_url })).toMatch(
    /^service_account_impersonation_url (?:is no https address of Google's|is missing or|does not end in \/v1)/,
  );
});

test.each([600, 3_600, 43_200])('takes the lifetime %d', (token_lifetime_seconds) => {
  const { impersonation } = parse({
    ...SIGNED,
    service_account_impersonation_url: IMPERSONATION_URL,
    service_account_impersonation: { token_lifetime_seconds },
  });

  expect(impersonation?.lifetimeSeconds).toBe(token_lifetime_seconds);
});

test.each([599, 43_201, 600.5, '600', null, true, [600]])(
  'refuses the lifetime %j',
  (token_lifetime_seconds) => {
    expect(
      faultIn({
        ...SIGNED,
        service_account_impersonation_url: IMPERSONATION_URL,
        service_account_impersonation: { token_lifetime_seconds },
      }),
    ).toBe('service_account_impersonation.token_lifetime_seconds must be a whole number from 600 to 43200.');
  },
);

test('leaves the lifetime to the usual one if none is said', () => {
  for (const more of [{}, { service_account_impersonation: {} }]) {
    const url = { service_account_impersonation_url: IMPERSONATION_URL };
    expect(parse({ ...SIGNED, ...url, ...more }).impersonation).not.toHaveProperty('lifetimeSeconds');
  }
});

test.each([
  undefined,
  null,
  7,
  [],
  {},
  { environment_id: 'aws2' },
  { environment_id: 'aws' },
  { environment_id: 'AWS1' },
  { environment_id: 1 },
  { file: '/var/run/token' },
  { url: 'http://169.254.169.254/metadata/identity', headers: { Metadata: 'True' } },
  { executable: { command: '/bin/sh -c id' } },
  { aws_web_identity_token: {} },
])('has no other source of a signed request: %j', (credential_source) => {
  expect(faultIn({ ...SIGNED, credential_source })).toMatch(
    /^credential_source\.environment_id is not aws1: the function proves who it is in AWS/,
  );
});

test.each([
  undefined,
  null,
  {},
  { file: '/var/run/token' },
  { url: 'http://169.254.169.254/', format: { type: 'text' } },
  { executable: { command: '/bin/sh -c id' } },
  { aws_web_identity_token: null },
  { aws_web_identity_token: true },
  { aws_web_identity_token: '{}' },
  { aws_web_identity_token: [] },
  SIGNED.credential_source,
])('has no other source of a JWT: %j', (credential_source) => {
  expect(faultIn({ ...OIDC, credential_source })).toMatch(
    /^credential_source\.aws_web_identity_token is missing: /,
  );
});

function withToken(aws_web_identity_token: object): object {
  return { ...OIDC, credential_source: { aws_web_identity_token } };
}

test.each([
  [{ audience: 'https://example.com' }, 'https://example.com', 3_600],
  [{ audience: 'a' }, 'a', 3_600],
  [{ audience: 'a'.repeat(1_000) }, 'a'.repeat(1_000), 3_600],
  [{ duration_seconds: 60 }, `https:${PROVIDER}`, 60],
  [{ duration_seconds: 3_600 }, `https:${PROVIDER}`, 3_600],
])('asks AWS for a token by %j', (wanted, audience, durationSeconds) => {
  expect(parse(withToken(wanted)).proof).toEqual({ kind: 'web_identity_token', audience, durationSeconds });
});

test.each([null, 7, '', 'a'.repeat(1_001), ['https://example.com'], {}])(
  'refuses %j for the audience of a JWT',
  (audience) => {
    expect(faultIn(withToken({ audience }))).toBe(
      'credential_source.aws_web_identity_token.audience must be a string of at most 1000 characters.',
    );
  },
);

test.each([59, 3_601, 0, -60, 60.5, '300', null, true, [300], {}])(
  'refuses %j for the life of a JWT',
  (duration_seconds) => {
    expect(faultIn(withToken({ duration_seconds }))).toBe(
      'credential_source.aws_web_identity_token.duration_seconds must be a whole number from 60 to 3600.',
    );
  },
);

test.each([
  REGIONAL,
  `https://sts.{region}.amazonaws.com/?${QUERY}`,
  `https://sts.eu-west-1.amazonaws.com?${QUERY}`,
  `https://sts.us-gov-west-1.amazonaws.com?${QUERY}`,
  `https://sts.ap-southeast-5.amazonaws.com?${QUERY}`,
  `https://sts.eusc-de-east-1.amazonaws.com?${QUERY}`,
  `https://sts.amazonaws.com?${QUERY}`,
  `https://sts-fips.us-east-1.amazonaws.com?${QUERY}`,
  `https://sts-fips.{region}.amazonaws.com?${QUERY}`,
  `https://sts.cn-north-1.amazonaws.com.cn?${QUERY}`,
  `https://sts.{region}.amazonaws.com.cn?${QUERY}`,
  `https://sts.{region}.api.aws?${QUERY}`,
  `https://sts.eu-west-1.api.aws?${QUERY}`,
  `http://127.0.0.1:4566?${QUERY}`,
  `http://127.0.0.1:4566/?${QUERY}`,
  `http://localhost:4566?${QUERY}`,
  `https://localhost?${QUERY}`,
  `http://[::1]:4566?${QUERY}`,
])('has the signed request verified at %s', (url) => {
  expect(parse(withVerification(url)).proof).toEqual({ kind: 'signed_request', verificationUrl: url });
});

const STS = 'sts.eu-west-1.amazonaws.com';

/** Addresses that are not AWS's STS, however much they look it, and other requests than the one. */
const NOT_STS = [
  `https://evil.example?${QUERY}`,
  `https://${STS}.evil.example?${QUERY}`,
  `https://${STS}@evil.example?${QUERY}`,
  `https://${STS}%40evil.example?${QUERY}`,
  `https://evil.example@${STS}?${QUERY}`,
  `https://user:password@${STS}?${QUERY}`,
  `https://evil.example/${STS}?${QUERY}`,
  `https://evil.example?${STS}&${QUERY}`,
  `https://evil.example#${STS}?${QUERY}`,
  `https://evil.example\\${STS}?${QUERY}`,
  `https://evil.example\\.amazonaws.com?${QUERY}`,
  `https://${STS}\\@evil.example?${QUERY}`,
  `https://${STS}:443?${QUERY}`,
  `https://${STS}:8443?${QUERY}`,
  `https://${STS}:?${QUERY}`,
  `https://${STS}.?${QUERY}`,
  `https://sts%2eeu-west-1%2eamazonaws%2ecom?${QUERY}`,
  `https://sts%2Eeu-west-1.amazonaws.com?${QUERY}`,
  `https://sts.eu-west-1.amazonaws%2ecom?${QUERY}`,
  `https://sts。eu-west-1.amazonaws.com?${QUERY}`,
  `https://sts.eu-west-1.аmazonaws.com?${QUERY}`,
  `https://STS.eu-west-1.amazonaws.com?${QUERY}`,
  `https://sts.EU-WEST-1.amazonaws.com?${QUERY}`,
  `https://sts.eu-west-1.AMAZONAWS.com?${QUERY}`,
  `https://sts.eu-west-1.amazonaws.co?${QUERY}`,
  `https://sts.eu-west-1.amazonaws.com.co?${QUERY}`,
  `https://sts.eu-west-1.amazonawsacom?${QUERY}`,
  `https://sts.eu-west-1.amazonaws.com.cn.evil.example?${QUERY}`,
  `https://sts.eu-west-1.evilamazonaws.com?${QUERY}`,
  `https://stsamazonaws.com?${QUERY}`,
  `https://xsts.eu-west-1.amazonaws.com?${QUERY}`,
  `https://evil-sts.eu-west-1.amazonaws.com?${QUERY}`,
  `https://sts-evil.eu-west-1.amazonaws.com?${QUERY}`,
  `https://evil.sts.eu-west-1.amazonaws.com?${QUERY}`,
  `https://sts.evil.eu-west-1.amazonaws.com?${QUERY}`,
  `https://sts..amazonaws.com?${QUERY}`,
  // A bucket named sts, and what else customers can name under amazonaws.com.
  `https://sts.s3.amazonaws.com?${QUERY}`,
  `https://sts.s3-eu-west-1.amazonaws.com?${QUERY}`,
  `https://sts.s3-website-eu-west-1.amazonaws.com?${QUERY}`,
  `https://sts.elb.amazonaws.com?${QUERY}`,
  `https://sts.cloudfront.amazonaws.com?${QUERY}`,
  `https://sts.evil.api.aws?${QUERY}`,
  `https://sts.{region}.{region}.amazonaws.com?${QUERY}`,
  `https://sts.{evil}.amazonaws.com?${QUERY}`,
  `https://{region}.amazonaws.com?${QUERY}`,
  `https://sts.{region}?${QUERY}`,
  `https://ec2.eu-west-1.amazonaws.com?${QUERY}`,
  `http://${STS}?${QUERY}`,
  `HTTPS://${STS}?${QUERY}`,
  `ftp://${STS}?${QUERY}`,
  `//${STS}?${QUERY}`,
  `${STS}?${QUERY}`,
  `https:/${STS}?${QUERY}`,
  `https:///${STS}?${QUERY}`,
  ` https://${STS}?${QUERY}`,
  `https://${STS}?${QUERY} `,
  `https://${STS}?${QUERY}\n`,
  `\thttps://${STS}?${QUERY}`,
  `https://sts.eu-\nwest-1.amazonaws.com?${QUERY}`,
  `https://sts.eu-west-1\u0000.amazonaws.com?${QUERY}`,
  `https://${STS}/x?${QUERY}`,
  `https://${STS}//?${QUERY}`,
  `https://${STS}/..?${QUERY}`,
  `https://${STS}`,
  `https://${STS}?`,
  `https://${STS}?Action=AssumeRole&Version=2011-06-15`,
  `https://${STS}?Action=GetCallerIdentity`,
  `https://${STS}?Version=2011-06-15&Action=GetCallerIdentity`,
  `https://${STS}?${QUERY}&RoleArn=arn:aws:iam::1:role/x`,
  `https://${STS}?${QUERY}&Action=AssumeRole`,
  `https://${STS}?action=GetCallerIdentity&version=2011-06-15`,
  `https://${STS}?Action=GetCallerIdentity%26Version=2011-06-15`,
  `https://${STS}?${QUERY}#`,
  `https://${STS}?${QUERY}#x`,
  `https://${STS}??${QUERY}`,
  `http://169.254.169.254?${QUERY}`,
  `http://127.0.0.1.evil.example?${QUERY}`,
  `http://127.0.0.1@evil.example?${QUERY}`,
  `http://evil.example:80@127.0.0.1?${QUERY}`,
  `http://localhost.evil.example?${QUERY}`,
  `http://127.1?${QUERY}`,
  `http://0x7f000001?${QUERY}`,
  `http://127.0.0.1:4566:80?${QUERY}`,
  `http://127.0.0.1:99999?${QUERY}`,
  `http://127.0.0.1/x?${QUERY}`,
  '',
  null,
  7,
  [REGIONAL],
  { url: REGIONAL },
];

test.each(NOT_STS)('has no signed request verified at %j', (url) => {
  expect(faultIn(withVerification(url))).toBe(
    `credential_source.regional_cred_verification_url is no address of AWS’s STS, such as ${REGIONAL}.`,
  );
});

const AWS_DOMAINS = /^sts(?:-fips)?\.(?:.+\.)?(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws)$/;

/** URLs put together from right and wrong parts. */
const VERIFICATION_URL = fc
  .record({
    scheme: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('https://', 'http://') },
      { weight: 1, arbitrary: fc.constantFrom('https:\\\\', 'https:/', '//', 'ftp://', 'https://x@') },
    ),
    service: fc.constantFrom(
      'sts',
      'sts',
      'sts',
      'sts-fips',
      '127.0.0.1',
      'localhost',
      '[::1]',
      'evil',
      'ec2',
      '',
    ),
    region: fc.oneof(
      fc.constantFrom(
        '',
        '.{region}',
        '.eu-west-1',
        '.s3',
        '.evil',
        '.evil.example',
        '/',
        '@',
        '\\',
        '%2e',
        '#',
        '?',
      ),
      fc.string({ maxLength: 3 }),
    ),
    domain: fc.constantFrom(
      '.amazonaws.com',
      '.amazonaws.com',
      '.amazonaws.com.cn',
      '.api.aws',
      '',
      '.evil.example',
      '.amazonaws.com.evil.example',
      '.amazonaws.com@evil.example',
      '.amazonaws.com\\@evil.example',
    ),
    port: fc.constantFrom('', '', '', ':443', ':4566', ':x'),
    path: fc.constantFrom('', '', '', '/', '/x', '\\'),
    query: fc.constantFrom(`?${QUERY}`, `?${QUERY}`, `?${QUERY}`, `?${QUERY}&x`, '?x', `#?${QUERY}`, ''),
  })
  .map((parts) => Object.values(parts).join(''));

test('no verification URL is accepted whose host is not AWS’s STS or loopback, whatever it is made of', () => {
  let accepted = 0;

  fc.assert(
    fc.property(VERIFICATION_URL, (text) => {
      if (faultIn(withVerification(text)) === 'none') {
        accepted += 1;
        const url = new URL(text.replaceAll('{region}', 'eu-west-1'));
        const isLoopback = /^(?:127\.0\.0\.1|localhost|\[::1\])$/.test(url.hostname);

        expect(isLoopback || AWS_DOMAINS.test(url.hostname)).toBe(true);
        expect(isLoopback || (url.protocol === 'https:' && url.port === '')).toBe(true);
        expect([url.username, url.password, url.pathname, url.search, url.hash]).toEqual([
          '',
          '',
          '/',
          `?${QUERY}`,
          '',
        ]);
      }
    }),
    { numRuns: 30_000 },
  );

  expect(accepted).toBeGreaterThan(50);
});

test('shows nothing of a document in its faults', () => {
  const canary = 'canary7Q2wXz';
  const texts = [
    canary,
    `https://${canary}.example/`,
    `https://${canary}@sts.googleapis.com/`,
    [canary],
    { [canary]: canary },
  ];
  const fields = [
    'audience',
    'subject_token_type',
    'token_url',
    'service_account_impersonation_url',
    'universe_domain',
  ];
  const sources = ['environment_id', 'regional_cred_verification_url'];
  const documents = texts.flatMap((text) => [
    ...fields.map((field) => ({ ...SIGNED, [field]: text })),
    ...sources.map((field) => ({
      ...SIGNED,
      credential_source: { ...SIGNED.credential_source, [field]: text },
    })),
    { ...OIDC, credential_source: { aws_web_identity_token: { audience: [text] } } },
    { ...OIDC, credential_source: { aws_web_identity_token: { duration_seconds: text } } },
  ]);

  const faults = documents.map(faultIn);

  expect(faults.filter((fault) => fault === 'none')).toEqual([]);
  expect(faults.join()).not.toContain(canary);
});

test('whatever a document says, it is an account or the fault of the credential', () => {
  const junk = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(PROVIDER, REGIONAL, IMPERSONATION_URL, 'aws1', {}, SIGNED.credential_source),
  );
  const document = fc.record(
    {
      universe_domain: junk,
      audience: fc.oneof(fc.constant(PROVIDER), junk),
      subject_token_type: fc.oneof(fc.constantFrom(SIGNED.subject_token_type, OIDC.subject_token_type), junk),
      token_url: junk,
      credential_source: fc.oneof(
        fc.constantFrom(SIGNED.credential_source, OIDC.credential_source),
        fc.record({ environment_id: fc.constant('aws1'), regional_cred_verification_url: junk }),
        fc.record({ aws_web_identity_token: junk }),
        junk,
      ),
      service_account_impersonation_url: junk,
      service_account_impersonation: junk,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(document, (value) => {
      expect(typeof faultIn(value)).toBe('string');
    }),
    { numRuns: 2_000 },
  );
});
