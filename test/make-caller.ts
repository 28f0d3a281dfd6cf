import http, { type IncomingMessage, type RequestOptions, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInvokeFunction } from '../lambda/aws/invoke-function.ts';
import type { CallAudit, CallVisit } from '../lambda/call/call-audit.ts';
import { createCaller } from '../lambda/call/caller.ts';
import { createServiceNetwork } from '../lambda/call/service-network.ts';
import { fieldsOf } from '../lambda/fields.ts';
import { createClock } from '../lambda/google/clock.ts';
import { createNetwork, type Network } from '../lambda/google/post.ts';
import type { Handler } from '../lambda/handler.ts';
import { type ProfilesDocument, parseProfiles } from '../lambda/policy/profiles.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { ACCOUNT, REGION, startRig, USER } from './local-aws-rig.ts';
import { contextFor } from './make-event.ts';
import { startVendorRig, thrownBy, type VendorRig } from './vendor-rig.ts';

/** The stand-in's private function. */
export const HELLO = 'https://europe-west1-example.cloudfunctions.net/hello';
/** A private service that is whatever a test makes it. */
export const SERVICE = 'https://reports-abc123-ew.a.run.app';

export const CALL_PROFILES: ProfilesDocument = {
  default: {
    audiences: [
      'https://europe-west1-example.cloudfunctions.net/*',
      SERVICE,
      '1234-abc.apps.googleusercontent.com',
    ],
  },
};

/** Answers a request whose body has been read. */
export type Service = (
  request: IncomingMessage & { readonly text: string },
  response: ServerResponse,
) => void;

/** The caller before the real vendor, a local Lambda API between them, and Google's private function or a service behind it. */
export type CallRig = {
  readonly handler: Handler;
  readonly call: (event: object, remainingMs?: number) => Promise<Readonly<Record<string, unknown>>>;
  /** What a call ends with, as the state machine sees it. */
  readonly refused: (event: object, remainingMs?: number) => Promise<string>;
  readonly vendor: VendorRig;
  /** Between the caller and the service. */
  readonly road: FaultProxy;
  readonly serve: (service: Service) => void;
  /** What the service was sent. */
  readonly received: readonly (IncomingMessage & { readonly text: string })[];
  readonly visits: readonly CallVisit[];
  /** How often the vendor was invoked. */
  readonly invocations: () => number;
  /** Every token that the stand-in for Google gave out. */
  readonly tokens: readonly string[];
  readonly close: () => Promise<void>;
};

/** Returns the network, and writes down the tokens that come by. */
function recording(network: Network, tokens: string[]): Network {
  return {
    ...network,
    post: async (...request) => {
      const answer = await network.post(...request);
      const { id_token, access_token, token, accessToken } = fieldsOf(JSON.parse(answer.body));
      for (const given of [id_token, access_token, token, accessToken]) {
        if (typeof given === 'string') {
          tokens.push(given);
        }
      }
      return answer;
    },
  };
}

async function startService(received: CallRig['received'][number][]) {
  let service: Service = (_, response) => response.end('ok');
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk);
    }
    const read = Object.assign(request, { text: Buffer.concat(chunks).toString('utf8') });
    received.push(read);
    service(read, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve: (next: Service) => {
      service = next;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export type CallRigOptions = { readonly audit?: CallAudit; readonly now?: () => number };

/** Starts it all; close it when the test is over. */
export async function startCallRig(options: CallRigOptions = {}): Promise<CallRig> {
  const tokens: string[] = [];
  const received: CallRig['received'][number][] = [];
  const visits: CallVisit[] = [];
  const vendor = await startVendorRig({ profiles: CALL_PROFILES });
  const google = createNetwork();
  const { handler: vend } = vendor.anotherVendor({ network: recording(google, tokens) });
  const lambda = await startRig({ handler: vend as never, profiles: ['default'], timeoutMs: 29_000 });
  const service = await startService(received);
  const road = await startFaultProxy(service.url);

  const open = (url: URL, { agent: _, ...request }: RequestOptions) =>
    url.href === HELLO
      ? http.request(vendor.google.functionUrl, { ...request, agent: false })
      : http.request(new URL(url.pathname + url.search, road.url), { ...request, agent: false });
  const network = createNetwork();
  const aws = { region: async () => REGION, credentials: async () => USER };
  const { now = Date.now } = options;
  const [profile] = parseProfiles(CALL_PROFILES).values();
  if (profile === undefined) {
    throw new Error('there is no profile');
  }
  const handler = createCaller({
    profile,
    aliasArn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:vendor:default`,
    audit: options.audit ?? { record: (visit) => visits.push(visit), warn: () => {} },
    invoke: createInvokeFunction({ aws, post: network.post, clock: createClock(), url: lambda.url }),
    send: createServiceNetwork({ open }),
    now,
  });
  const call: CallRig['call'] = async (event, remainingMs) =>
    fieldsOf(await handler(event, contextFor(undefined, remainingMs)));

  return {
    handler,
    call,
    refused: async (event, remainingMs) => {
      const error = await thrownBy(call(event, remainingMs));
      return `${error?.name}: ${error?.message}`;
    },
    vendor,
    road,
    serve: service.serve,
    received,
    visits,
    invocations: () => lambda.invocations.length,
    tokens,
    close: async () => {
      network.close();
      google.close();
      await Promise.all([road.close(), service.close(), lambda.close(), vendor.close()]);
    },
  };
}
