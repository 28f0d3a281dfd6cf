import { createServer } from 'node:http';
import { ApiDestination, HttpMethod } from 'aws-cdk-lib/aws-events';
import { DefinitionBody, StateMachine, TaskInput } from 'aws-cdk-lib/aws-stepfunctions';
import { HttpInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { expect, onTestFinished, test } from 'vitest';
import type { ClientGrant } from '../lambda/oauth/oauth-clients.ts';
import { createApiDestination } from '../local/aws/api-destination.ts';
import {
  type ConnectionAuthorization,
  createLocalConnection,
  type LocalConnection,
} from '../local/aws/connection.ts';
import { createHttpTask } from '../local/aws/http-task.ts';
import { listen } from '../local/aws/listen.ts';
import { runStateMachine, type TaskHandler } from '../local/aws/state-machine.ts';
import { resolveValue } from '../local/aws/template-value.ts';
import { FUNCTION_AUDIENCE } from '../local/google/server.ts';
import { createVendorStack } from './infra-rig.ts';
import { contextFor } from './make-event.ts';
import { type OAuthRig, type RigClients, startOAuthRig } from './oauth-rig.ts';
import { MINUTE_MS } from './vendor-rig.ts';

const [ORIGIN, PATH] = [new URL(FUNCTION_AUDIENCE).origin, new URL(FUNCTION_AUDIENCE).pathname.slice(1)];
/** With an account, as a template has it once CloudFormation has filled it in. */
const CONNECTION_ARN = 'arn:aws:events:eu-west-1:123456789012:connection/default-1f0c6a7d/0000';

const ALIAS_ARN = 'arn:aws:lambda:eu-west-1:123456789012:function:vendor:default';

/** A stack whose state machine and API destination go over a connection, and its parts as deployed. */
function synthesizeConnection() {
  const rig = createVendorStack();
  const { stack, vendor } = rig;
  const connection = vendor
    .profile('default')
    .connection(stack, 'Connection', { audience: FUNCTION_AUDIENCE });
  const call = new HttpInvoke(stack, 'Call', {
    apiRoot: ORIGIN,
    apiEndpoint: TaskInput.fromText(PATH),
    method: TaskInput.fromText('POST'),
    body: TaskInput.fromObject({ greeting: 'hello' }),
    connection,
    resultPath: '$.answer',
  });
  call.addRetry({ errors: ['States.Http.StatusCode.401'], maxAttempts: 1 });
  new StateMachine(stack, 'Machine', { definitionBody: DefinitionBody.fromChainable(call) });
  const vend = vendor.profile('default').vendTask(stack, 'Vend', { audience: FUNCTION_AUDIENCE });
  new StateMachine(stack, 'Vending', { definitionBody: DefinitionBody.fromChainable(vend) });
  new ApiDestination(stack, 'Destination', {
    connection,
    endpoint: FUNCTION_AUDIENCE,
    httpMethod: HttpMethod.POST,
  });
  return rig;
}

type Template = ReturnType<typeof synthesizeConnection>;

function clientsOf({ properties }: Template): RigClients {
  const environments = properties('AWS::Lambda::Function').map(
    ({ Environment }) => (Environment as { Variables?: Record<string, unknown> } | undefined)?.Variables,
  );
  const text = environments.map((variables) => variables?.CLIENTS).find((clients) => clients !== undefined);
  const clients = JSON.parse(resolveValue(text, () => 'r') as string) as Record<
    string,
    { profile: string } & ClientGrant
  >;
  return Object.fromEntries(
    Object.entries(clients).map(([id, { profile, ...grant }]) => [
      id,
      { profile, grant: 'audience' in grant ? { audience: grant.audience } : { scopes: grant.scopes } },
    ]),
  );
}

type Deployed = {
  readonly oauth: OAuthRig;
  readonly template: Template;
  readonly clientId: string;
  readonly connection: LocalConnection;
  /** Google's host names, on this machine. */
  readonly locate: (url: URL) => URL;
  readonly definitionOf: (state: string) => Record<string, unknown>;
};

/** Deploys the stack on this machine: the connection is that of the template, with its dynamic reference resolved. */
async function deploy(clientAuthentication: 'form' | 'basic' = 'form'): Promise<Deployed> {
  const template = synthesizeConnection();
  const clients = clientsOf(template);
  const [clientId = ''] = Object.keys(clients);
  const oauth = await startOAuthRig(clients);
  onTestFinished(oauth.close);
  const endpoint = oauth.tokenUrl.replace('/oauth/token', '');
  const known = (reference: object) => {
    const text = JSON.stringify(reference);
    if (text.includes('ApiEndpoint')) {
      return endpoint;
    }
    if (text.includes('Connection')) {
      return CONNECTION_ARN;
    }
    const [, name = ''] = /"Ref":"([^"]+)"/.exec(text) ?? [];
    return name.startsWith('AWS::') ? 'aws' : name.includes('Profile') ? ALIAS_ARN : name;
  };
  const authorization = (): ConnectionAuthorization => {
    const [properties] = template.properties('AWS::Events::Connection');
    const { OAuthParameters } = resolveValue(properties?.AuthParameters, known) as {
      OAuthParameters: ConnectionAuthorization;
    };
    const { ClientID, ClientSecret } = OAuthParameters.ClientParameters;
    expect(ClientSecret).toMatch(
      /^\{\{resolve:secretsmanager:VendorOAuth\w+Secret\w+:SecretString:client_secret::\}\}$/,
    );
    return { ...OAuthParameters, ClientParameters: { ClientID, ClientSecret: oauth.secretOf(ClientID) } };
  };
  return {
    oauth,
    template,
    clientId,
    connection: createLocalConnection({ authorization, clientAuthentication, now: oauth.vendor.googleNow }),
    locate: (url) => (url.href === FUNCTION_AUDIENCE ? new URL(oauth.vendor.google.functionUrl) : url),
    definitionOf: (state) => {
      const definitions = template
        .properties('AWS::StepFunctions::StateMachine')
        .map(({ DefinitionString }) => String(resolveValue(DefinitionString, known)));
      return JSON.parse(definitions.find((text) => text.includes(`"StartAt":"${state}"`)) ?? '{}');
    },
  };
}

/** Every token that Google gave the vendor, and every secret of the client's. */
function secretsOf({ oauth, clientId }: Deployed): readonly string[] {
  const tokens = oauth.vendor.visits.flatMap((visit) =>
    'vended' in visit ? [visit.vended.token.value] : [],
  );
  return [...new Set([...tokens, oauth.secretOf(clientId)])];
}

/** Each secret, its parts between dots, and pieces of it that are too long to be there by chance. */
function piecesOf(secret: string): readonly string[] {
  const slices = Array.from({ length: Math.ceil(secret.length / 8) }, (_, index) =>
    secret.slice(index * 8, index * 8 + 20),
  ).filter(({ length }) => length === 20);
  return [secret, ...secret.split('.').filter(({ length }) => length >= 12), ...slices];
}

function foundIn(history: string, secrets: readonly string[]): readonly string[] {
  return secrets.flatMap(piecesOf).filter((piece) => history.includes(piece));
}

const ORDER = { order: 7 };

function httpTask({ connection, locate }: Deployed): TaskHandler {
  return createHttpTask({
    connection: (arn) => {
      expect(arn).toBe(CONNECTION_ARN);
      return connection;
    },
    locate,
  });
}

test.each(['form', 'basic'] as const)(
  'a state machine calls a private function over the connection (%s), and its history holds no token and no secret',
  async (clientAuthentication) => {
    const deployed = await deploy(clientAuthentication);

    const { outcome, events, history } = await runStateMachine(deployed.definitionOf('Call'), ORDER, {
      Call: httpTask(deployed),
    });

    const secrets = secretsOf(deployed);
    expect(outcome).toMatchObject({
      value: { order: 7, answer: { StatusCode: 200, ResponseBody: { audience: FUNCTION_AUDIENCE } } },
    });
    expect(events.map(({ type }) => type)).toEqual([
      'ExecutionStarted',
      'StateEntered',
      'StateExited',
      'ExecutionSucceeded',
    ]);
    expect(secrets).toEqual([expect.stringMatching(/^eyJ/), expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(foundIn(history, secrets)).toEqual([]);
  },
);

test('the same search finds the token in the history of a task that vends one', async () => {
  const deployed = await deploy();
  const vend: TaskHandler = (event) => deployed.oauth.vendor.vendor.handler(event, contextFor('default'));

  const { history } = await runStateMachine(deployed.definitionOf('Vend'), ORDER, { Vend: vend });

  expect(foundIn(history, secretsOf(deployed)).length).toBeGreaterThan(5);
});

test('a call that fails, is tried again and fails again leaves no token in the history', async () => {
  const deployed = await deploy();
  const refuser = await startRefuser();
  const elsewhere = { ...deployed, locate: () => new URL(refuser) };

  const { outcome, events, history } = await runStateMachine(deployed.definitionOf('Call'), ORDER, {
    Call: httpTask(elsewhere),
  });

  expect(outcome).toHaveProperty('error');
  expect(events.map(({ type }) => type)).toContain('ExecutionFailed');
  expect(secretsOf(deployed).length).toBeGreaterThan(1);
  expect(foundIn(history, secretsOf(deployed))).toEqual([]);
});

test('a connection that cannot be authorized fails the state by name, with nothing of the secret', async () => {
  const deployed = await deploy();
  deployed.oauth.setRegistry(deployed.clientId, '{}');

  const { outcome, history } = await runStateMachine(deployed.definitionOf('Call'), ORDER, {
    Call: httpTask(deployed),
  });

  expect(outcome).toHaveProperty('error');
  expect(history).toContain('not authorized');
  expect(foundIn(history, secretsOf(deployed))).toEqual([]);
});

/** A service that takes no token. */
async function startRefuser(): Promise<string> {
  const server = createServer((_, response) => {
    response.writeHead(401).end('not you');
  });
  const { url, close } = await listen(server, 0);
  onTestFinished(close);
  return url;
}

function destination(deployed: Deployed) {
  const [properties] = deployed.template.properties('AWS::Events::ApiDestination');
  const { InvocationEndpoint, HttpMethod: method } = properties as Record<string, string>;
  return createApiDestination({
    definition: { InvocationEndpoint: InvocationEndpoint ?? '', HttpMethod: method ?? '' },
    connection: deployed.connection,
    locate: deployed.locate,
  });
}

test('an event reaches a private function through an API destination', async () => {
  const deployed = await deploy();

  const { status, body } = await destination(deployed)({
    'detail-type': 'OrderPlaced',
    detail: { order: 7 },
  });

  expect(status).toBe(200);
  expect(JSON.parse(body)).toMatchObject({ audience: FUNCTION_AUDIENCE });
});

test('a connection keeps its token, and takes another within a minute of its end', async () => {
  const deployed = await deploy();
  const deliver = destination(deployed);

  await deliver({});
  await deliver({});
  expect(deployed.connection.authorizations()).toBe(1);
  deployed.oauth.vendor.advance(59.5 * MINUTE_MS);
  const { status } = await deliver({});

  expect([status, deployed.connection.authorizations()]).toEqual([200, 2]);
});

test('a connection takes another token after a 401, and the event arrives at the next try', async () => {
  const deployed = await deploy();
  const refuser = await startRefuser();
  const places = [new URL(refuser)];
  const refusing = { ...deployed, locate: (url: URL) => places.shift() ?? deployed.locate(url) };

  const { status } = await destination(refusing)({});

  expect([status, deployed.connection.authorizations()]).toEqual([200, 2]);
});

test('a rotation does not disturb a connection, which is given the new secret', async () => {
  const deployed = await deploy();
  const { oauth, clientId } = deployed;
  const deliver = destination(deployed);
  await deliver({});

  await oauth.rotate(clientId);
  oauth.vendor.advance(60 * MINUTE_MS);
  const { status } = await deliver({});

  expect(status).toBe(200);
});

test('a task that brings an Authorization header of its own is refused, as Step Functions refuses it', async () => {
  const { connection } = await deploy();

  const call = connection.call({
    method: 'GET',
    url: 'http://127.0.0.1:9/',
    headers: { Authorization: 'x' },
  });

  await expect(call).rejects.toThrow('unsupported values: [authorization]');
});
