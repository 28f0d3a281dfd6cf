import { JsonPath } from 'aws-cdk-lib/aws-stepfunctions';
import { expect, type TestContext, test } from 'vitest';
import type { CallTaskProps } from '../infra/call-task.ts';
import { runStateMachine } from '../local/aws/state-machine.ts';
import { createCallMachine } from './make-call-machine.ts';
import { type CallRig, HELLO, SERVICE, type Service, startCallRig } from './make-caller.ts';
import { contextFor } from './make-event.ts';

async function start({ onTestFinished }: TestContext): Promise<CallRig> {
  const rig = await startCallRig();
  onTestFinished(rig.close);
  return rig;
}

type Input = Readonly<Record<string, string>>;

/** Runs the definition of the template, with the real function in the place of Lambda, and returns all that happened. */
async function run(rig: CallRig, calls: readonly CallTaskProps[], input: Input = {}) {
  const { definition } = createCallMachine(calls, { catches: true });
  const call = (event: unknown) => rig.handler(event, contextFor(undefined));
  const handlers = Object.fromEntries(calls.map((_, index) => [`Call${index + 1}`, call]));
  return await runStateMachine(definition, input, handlers);
}

/** Returns the tokens, and the parts of tokens, that are in `text`. */
function found(text: string, tokens: readonly string[]): readonly string[] {
  return tokens.flatMap((token) => [token, ...token.split('.')]).filter((piece) => text.includes(piece));
}

test('a state machine calls Google’s private function, and no token is in its history', async (context) => {
  const rig = await start(context);
  const props = { url: JsonPath.stringAt('$.url'), method: 'GET', resultPath: '$.answer' };

  const { events, history, outcome } = await run(rig, [props, props], { url: HELLO });

  expect(outcome).toMatchObject({
    value: {
      url: HELLO,
      answer: { status: 200, body: { audience: HELLO, message: expect.stringMatching(/^Hello, /) } },
    },
  });
  expect(events.map(({ type }) => type)).toEqual([
    'ExecutionStarted',
    'StateEntered',
    'StateExited',
    'StateEntered',
    'StateExited',
    'StateEntered',
    'StateExited',
    'ExecutionSucceeded',
  ]);
  expect(rig.tokens.length).toBeGreaterThan(0);
  expect(rig.tokens.every((token) => /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(token))).toBe(true);
  expect(found(history, rig.tokens)).toEqual([]);
});

test('the search for tokens finds one', async (context) => {
  const rig = await start(context);

  await run(rig, [{ url: HELLO }]);

  const [token = ''] = rig.tokens;
  expect(found(JSON.stringify({ a: `Bearer ${token}` }), rig.tokens)).toHaveLength(4);
  expect(found(`x${token.split('.')[2]}`, rig.tokens)).toHaveLength(1);
});

const JSON_TYPE = { 'content-type': 'application/json' };

function echo(status: number, form: (authorization: string) => string | Buffer, headers = {}): Service {
  return (request, response) =>
    response
      .writeHead(status, { 'content-type': 'text/plain', ...headers })
      .end(form(request.headers.authorization ?? ''));
}

const ECHOES: [string, Service][] = [
  ['in JSON', echo(200, (text) => JSON.stringify({ headers: { authorization: text } }), JSON_TYPE)],
  [
    'escaped in JSON',
    echo(
      200,
      (text) => `{"a":"${[...text].map((one) => `\\u00${one.charCodeAt(0).toString(16)}`).join('')}"}`,
      JSON_TYPE,
    ),
  ],
  ['as the name of a member', echo(200, (text) => JSON.stringify({ [text]: 1 }), JSON_TYPE)],
  ['in parts', echo(200, (text) => JSON.stringify(text.split(/[ .]/)), JSON_TYPE)],
  ['in text', echo(200, (text) => `You are ${text}`)],
  ['in URL encoding', echo(200, (text) => `a=${encodeURIComponent(text).replaceAll('.', '%2E')}`)],
  ['in Base64', echo(200, (text) => Buffer.from(text).toString('base64'))],
  [
    'in what is no text',
    echo(200, (text) => Buffer.from(`\u0000\u00ff${text}`, 'latin1'), { 'content-type': 'image/png' }),
  ],
  [
    'in its headers',
    (request, response) =>
      response
        .writeHead(302, {
          location: `https://x.example/?t=${request.headers.authorization}`,
          etag: `"${request.headers.authorization}"`,
        })
        .end(),
  ],
  [
    'in the page of an error',
    echo(403, (text) => `<html>Your token ${text} is not good enough</html>`, {
      'content-type': 'text/html',
    }),
  ],
  [
    'in an error of JSON',
    echo(
      400,
      (text) => JSON.stringify({ error: { message: text, debug: Buffer.from(text).toString('base64') } }),
      JSON_TYPE,
    ),
  ],
  ['while it fails', echo(500, (text) => text)],
  ['where an error is cut off', echo(404, (text) => 'x'.repeat(500 - 100) + text)],
  ['where the answer is cut off', echo(404, (text) => 'x'.repeat(16_384 - 100) + text)],
];

test.concurrent.for(ECHOES)(
  'no token is in the history of a call to a service that echoes it %s',
  async ([, service], context) => {
    const rig = await start(context);
    rig.serve(service);

    const { history } = await run(rig, [
      { url: `${SERVICE}/echo` },
      { url: `${SERVICE}/echo`, body: { a: 1 }, acceptStatuses: [400, 403, 404, 500] },
    ]);

    expect(rig.received[0]?.headers.authorization).toBe(`Bearer ${rig.tokens[0]}`);
    expect(found(history, rig.tokens)).toEqual([]);
    for (const shown of history.matchAll(/[A-Za-z0-9+/]{40,}/g)) {
      expect(found(Buffer.from(shown[0], 'base64').toString('latin1'), rig.tokens)).toEqual([]);
    }
  },
);

test('no token is in the history when everything fails, and each error has its name', async (context) => {
  const rig = await start(context);
  const failures: [string, () => void, CallTaskProps][] = [
    ['ServiceDisconnected', () => rig.road.set({ kind: 'half', bytes: 40 }), { url: SERVICE }],
    ['ServiceRefused', () => rig.serve((_, response) => response.writeHead(403).end('no')), { url: SERVICE }],
    [
      'ServiceUnavailable',
      () => rig.serve((_, response) => response.writeHead(503).end('no')),
      { url: SERVICE },
    ],
    [
      'ResponseTooLarge',
      () => rig.serve((_, response) => response.end('x'.repeat(9))),
      { url: SERVICE, maxResponseBytes: 8 },
    ],
    ['AccessDenied', () => {}, { url: JsonPath.stringAt('$.stranger') }],
    ['InvalidRequest', () => {}, { url: JsonPath.stringAt('$.http') }],
    [
      'GoogleUnavailable',
      () => rig.vendor.google.interfere(() => ({ status: 503, body: '' })),
      { url: `${HELLO}-2` },
    ],
  ];

  for (const [name, fail, props] of failures) {
    fail();
    const { history, outcome } = await run(rig, [props], {
      stranger: 'https://stranger.example',
      http: 'http://a',
    });
    rig.road.set({ kind: 'pass' });

    expect(outcome).toMatchObject({ value: { error: { Error: name } } });
    expect(found(history, rig.tokens)).toEqual([]);
  }
  expect(rig.tokens.length).toBeGreaterThan(0);
});

test.for<[string, string, number]>([
  ['GET', 'a service that is away for a while', 3],
  ['POST', 'a service that may have done its work', 1],
])('a %s of %s is sent so often: %i', async ([method, , times], context) => {
  const rig = await start(context);
  rig.serve((_, response) => response.writeHead(rig.received.length < 3 ? 503 : 200).end('done'));

  const { outcome } = await run(rig, [{ url: SERVICE, method }]);

  expect(rig.received).toHaveLength(times);
  expect(JSON.stringify(outcome).includes('ServiceUnavailable')).toBe(times === 1);
});

test('a POST that was turned away is sent again', async (context) => {
  const rig = await start(context);
  rig.serve((_, response) => response.writeHead(rig.received.length < 3 ? 429 : 201).end('done'));

  const { outcome } = await run(rig, [{ url: SERVICE, body: { a: 1 } }]);

  expect(outcome).toMatchObject({ value: { status: 201, body: 'done' } });
});
