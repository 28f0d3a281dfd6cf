import { type Fields, textOf } from '../fields.ts';
import { OAuthRefusal } from './oauth-refusal.ts';

/** What a request shows of who it is from, unjudged: it may be nobody's. */
export type ClientCredentials = {
  readonly method: 'basic' | 'form';
  readonly clientId: string;
  readonly secret: string;
};

/** Far longer than what this stack gives out, and far shorter than what would be a burden. */
const MAX_HEADER_LENGTH = 2_048;
const BASIC = /^basic +([A-Za-z0-9+/]+={0,2})$/i;
/** A header that is no Basic, or a broken one, is refused as a wrong secret is, after the same work. */
const NOBODY: ClientCredentials = { method: 'basic', clientId: '', secret: '' };

function decodeForm(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

/** RFC 6749 has both parts form-encoded before they are put into the header. */
function parseBasic(header: string): ClientCredentials {
  const encoded = header.length > MAX_HEADER_LENGTH ? undefined : BASIC.exec(header)?.[1];
  if (encoded === undefined) {
    return NOBODY;
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64'));
    const colon = text.indexOf(':');
    return colon === -1
      ? NOBODY
      : {
          method: 'basic',
          clientId: decodeForm(text.slice(0, colon)),
          secret: decodeForm(text.slice(colon + 1)),
        };
  } catch {
    return NOBODY;
  }
}

function refuseSecondMethod(basic: ClientCredentials, form: ReadonlyMap<string, string>): void {
  const repeated = form.get('client_id');
  if (form.has('client_secret') || (repeated !== undefined && repeated !== basic.clientId)) {
    throw new OAuthRefusal(
      'invalid_request',
      'The client authenticates in two ways; use the Authorization header or the form, not both.',
    );
  }
}

/**
 * Returns the credentials of a token request: from the `Authorization` header, or from the form. A `client_id` beside the
 * header may repeat that of the header, as many clients do.
 *
 * @throws {OAuthRefusal} `invalid_request` for two methods at once
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
 */
export function clientCredentials(headers: Fields, form: ReadonlyMap<string, string>): ClientCredentials {
  const { authorization } = headers;
  if (authorization === undefined) {
    return {
      method: 'form',
      clientId: form.get('client_id') ?? '',
      secret: form.get('client_secret') ?? '',
    };
  }
  const basic = parseBasic(textOf(authorization) ?? '');
  refuseSecondMethod(basic, form);
  return basic;
}
