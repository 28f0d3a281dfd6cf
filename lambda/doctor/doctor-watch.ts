import type { AwsStep, SourceDependencies } from '../credentials/token-source.ts';
import type { Endpoint, Exchange, ExchangeResult } from '../google/exchange.ts';
import type { EndpointKind } from '../google/google-refusal.ts';
import type { PostBody } from '../google/post.ts';
import type { LinkName } from './doctor-answer.ts';
import type { Chain, Finding } from './doctor-chain.ts';
import { judgeSigner, judgeToken } from './doctor-identity.ts';

const LINKS: Readonly<Record<EndpointKind, LinkName>> = {
  token: 'token endpoint',
  sts: 'STS',
  iam_credentials: 'impersonation',
};

const GENERATED: Readonly<Record<string, string>> = {
  generateAccessToken: 'gave an access token of',
  generateIdToken: 'gave an ID token of',
  signJwt: 'signed for',
};

/** Both are of the same service: a boundary goes there in `options`. */
function linkOf({ kind }: Endpoint, body: PostBody): LinkName {
  return kind === 'sts' && 'options' in body ? 'downscoping' : LINKS[kind];
}

function describeImpersonation({ url }: Endpoint): string {
  const [account = '', method = ''] = decodeURIComponent(url.pathname.split('/').at(-1) ?? '').split(':');
  return `${GENERATED[method] ?? method} ${account}`;
}

function describe(link: LinkName, endpoint: Endpoint): string {
  switch (link) {
    case 'STS':
      return 'took the proof and gave a federated token';
    case 'impersonation':
      return describeImpersonation(endpoint);
    case 'downscoping':
      return 'narrowed the token to the profile’s boundary';
    default:
      return 'gave a token';
  }
}

function judgeExchange(link: LinkName, endpoint: Endpoint, result: ExchangeResult): Finding {
  return result.outcome === 'refused'
    ? { outcome: 'failed', detail: result.refusal.explanation }
    : { outcome: 'ok', detail: `${endpoint.url.host} ${describe(link, endpoint)}` };
}

async function judgeStep(
  name: AwsStep,
  result: unknown,
  { post, aws }: Pick<SourceDependencies, 'post' | 'aws'>,
): Promise<Finding> {
  if (name === 'KMS signature') {
    return { outcome: 'ok', detail: 'KMS signs' };
  }
  return name === 'AWS token' ? judgeToken(String(result)) : await judgeSigner(String(result), post, aws);
}

/** Returns the same way to Google and to AWS, with what happens on it noted down in the chain. */
export function watchSource(
  chain: Chain,
  dependencies: { readonly exchange: Exchange } & Pick<SourceDependencies, 'post' | 'aws'>,
): Pick<SourceDependencies, 'exchange' | 'step'> {
  return {
    exchange: async (endpoint, body, deadlineMs) => {
      const link = linkOf(endpoint, body);
      return await chain.run(
        link,
        () => dependencies.exchange(endpoint, body, deadlineMs),
        (result) => judgeExchange(link, endpoint, result),
      );
    },
    step: async (name, work) =>
      await chain.run('signature', work, (result) => judgeStep(name, result, dependencies)),
  };
}
