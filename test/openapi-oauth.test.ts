import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { OAUTH_ERRORS } from '../lambda/oauth/oauth-refusal.ts';
import { basic, FORM, type OAuthReply, type OAuthRig, startOAuthRig } from './oauth-rig.ts';

type Reference = { readonly $ref: string };
type Documented = {
  readonly headers?: Readonly<Record<string, Reference>>;
  readonly content: { readonly 'application/json': { readonly schema: Reference } };
};

const ID = 'https://vendor.example/openapi.yaml';
const openapi = parse(readFileSync(new URL('../docs/openapi.yaml', import.meta.url), 'utf8'), {
  merge: true,
});
const ajv = new Ajv2020({ strict: false }).addSchema({ $id: ID, ...openapi });
const responses: Readonly<Record<string, Reference>> = openapi.paths['/oauth/token'].post.responses;

let rig: OAuthRig;

beforeAll(async () => {
  rig = await startOAuthRig();
});

afterAll(() => rig.close());

function validatorOf(reference: string) {
  const validate = ajv.getSchema(`${ID}${reference}`);
  if (validate === undefined) {
    throw new Error(`the document has no ${reference}`);
  }
  return validate;
}

/** Returns what of an answer is not as the document says of its status. */
function faultsOf({ status, headers, body }: OAuthReply): readonly unknown[] {
  const reference = responses[String(status)];
  if (reference === undefined) {
    return [`${status} is not documented`];
  }
  const documented: Documented = openapi.components.responses[reference.$ref.split('/').at(-1) ?? ''];
  const validate = validatorOf(documented.content['application/json'].schema.$ref);
  const wrong = Object.entries(documented.headers ?? {}).filter(
    ([name, header]) => !validatorOf(`${header.$ref}/schema`)(headers.get(name)),
  );
  return [...(validate(body) ? [] : [validate.errors]), ...wrong];
}

test('every answer of POST /oauth/token is as documented', async () => {
  const secret = rig.secretOf('reader');
  const replies = [
    await rig.ask('caller', rig.secretOf('caller')),
    await rig.ask('reader', secret),
    await rig.post('grant_type=client_credentials', { ...FORM, authorization: basic('reader', secret) }),
    await rig.ask('reader', secret, { scope: 'email' }),
    await rig.ask('reader', secret, { audience: 'x' }),
    await rig.ask('reader', secret, { grant_type: 'password' }),
    await rig.post('{}', { 'content-type': 'application/json' }),
    await rig.ask('reader', 'wrong'),
  ];
  rig.setRegistry('reports', 'x');
  const broken = await rig.ask('reports', 'x');
  rig.vendor.google.interfere(() => ({ status: 503, body: '' }));
  const away = await rig.ask('reader', secret, { scope: 'cloud-platform' });

  const all = [...replies, broken, away];

  expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 400, 400, 400, 400, 401, 500, 503]);
  expect(all.map(faultsOf)).toEqual(all.map(() => []));
});

test('the document knows each error of OAuth, with its status', () => {
  expect(openapi.components.schemas.OAuthError.properties.error.enum).toEqual(Object.keys(OAUTH_ERRORS));
  expect([...new Set(Object.values(OAUTH_ERRORS).map(String))].sort()).toEqual(
    Object.keys(responses).filter((status) => status !== '200' && status !== '429'),
  );
});
