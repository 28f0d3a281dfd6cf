import type { Account } from './account.ts';
import { type Accounts, DEFAULT } from './accounts.ts';
import type { FreshTokens } from './fresh-tokens.ts';
import { MetadataFault } from './metadata-fault.ts';
import { type Directory, directory, leaf } from './metadata-node.ts';
import { optionalIdentity } from './optional-identity.ts';
import { parameter } from './query.ts';
import { parseScopesParameter } from './scopes-parameter.ts';

async function readEmail(account: Account): Promise<string> {
  const email = await account.email();
  if (email === undefined) {
    throw new MetadataFault(
      404,
      `The vendor does not say which service account the profile ${account.profile} is; ` +
        `give its address with --email ${account.profile}=ADDRESS (option emails).`,
    );
  }
  return email;
}

function readAudience(audience: string | undefined): string {
  if (audience === undefined || audience === '') {
    throw new MetadataFault(400, 'non-empty audience parameter required');
  }
  return audience;
}

/**
 * Returns the name by which a client that goes on with what it read in the whole finds this very account again: its address,
 * unless that is not known, or leads to another profile of the same account.
 */
async function addressOf(account: Account, name: string, accounts: Accounts): Promise<string> {
  const email = await account.email();
  return email !== undefined && (await accounts.find(email)) === account ? email : name;
}

/** An account of the instance under one of its names. */
type Shown = { readonly account: Account; readonly name: string };

/** Returns a service account as clients see it. */
function accountDirectory({ account, name }: Shown, accounts: Accounts, fresh: FreshTokens): Directory {
  const aliases = [...new Set(name === DEFAULT ? [DEFAULT, account.profile] : [account.profile])];

  return directory({
    aliases: leaf(() => aliases),
    email: leaf(
      () => readEmail(account),
      () => addressOf(account, name, accounts),
    ),
    scopes: leaf(account.scopes),
    token: {
      kind: 'endpoint',
      answer: async (query, url) => {
        const scopes = parseScopesParameter(parameter(query, 'scopes'));
        return fresh.accessToken(url, await account.accessToken(scopes));
      },
    },
    identity: {
      kind: 'endpoint',
      answer: async (query, url) => {
        const audience = readAudience(parameter(query, 'audience'));
        return fresh.idToken(url, await optionalIdentity(audience, account.idToken));
      },
    },
  });
}

/** Returns the directory of the service accounts, each under `default`, its address or its profile's name. */
export function accountsDirectory(accounts: Accounts, fresh: FreshTokens): Directory {
  const show = (shown: Shown) => accountDirectory(shown, accounts, fresh);

  return {
    kind: 'directory',
    verbatim: true,
    list: async () => (await accounts.list()).map((shown) => [shown.name, show(shown)]),
    find: async (name) => show({ name, account: await accounts.find(name) }),
  };
}
