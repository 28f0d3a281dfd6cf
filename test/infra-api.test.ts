import { expect, test } from 'vitest';
import { createVendorStack } from './infra-rig.ts';

const ALIAS = 'AWS::Lambda::Alias';
const ROUTE = 'AWS::ApiGatewayV2::Route';
const INTEGRATION = 'AWS::ApiGatewayV2::Integration';
const STAGE = 'AWS::ApiGatewayV2::Stage';

/** Each route's key and the name of the alias it comes to. */
function routes({ properties, resources }: ReturnType<typeof createVendorStack>) {
  return Object.fromEntries(
    properties(ROUTE).map(({ RouteKey, Target }) => {
      const integration = Object.entries(resources(INTEGRATION)).find(([id]) =>
        JSON.stringify(Target).includes(id),
      );
      const uri = integration?.[1].Properties.IntegrationUri as { Ref: string } | undefined;
      return [RouteKey, resources(ALIAS)[uri?.Ref ?? '']?.Properties.Name];
    }),
  );
}

test('each profile has a GET and a POST route that come to its alias', () => {
  const stack = createVendorStack();

  expect(routes(stack)).toEqual({
    'GET /token': 'default',
    'POST /token': 'default',
    'GET /profiles/reports/token': 'reports',
    'POST /profiles/reports/token': 'reports',
  });
});

test('there is no /token without a profile named default', () => {
  const stack = createVendorStack(() => ({
    profiles: { reports: { scopes: ['storage-ro'] } },
  }));

  expect(Object.keys(routes(stack))).toEqual(['GET /profiles/reports/token', 'POST /profiles/reports/token']);
});

test('every route is under IAM authorization', () => {
  const { properties } = createVendorStack();

  expect(properties(ROUTE).map(({ AuthorizationType }) => AuthorizationType)).toEqual(
    Array(4).fill('AWS_IAM'),
  );
});

test('the function gets payload 2.0, and no browser of another origin gets an answer', () => {
  const { properties } = createVendorStack();

  expect(properties(INTEGRATION)).toHaveLength(2);
  expect(new Set(properties(INTEGRATION).map(({ PayloadFormatVersion }) => PayloadFormatVersion))).toEqual(
    new Set(['2.0']),
  );
  expect(properties('AWS::ApiGatewayV2::Api')[0]).not.toHaveProperty('CorsConfiguration');
});

test('requests are throttled to 100 a second if nothing else is said', () => {
  const { properties } = createVendorStack();

  expect(properties(STAGE)[0]?.DefaultRouteSettings).toEqual({
    ThrottlingRateLimit: 100,
    ThrottlingBurstLimit: 200,
  });
});

test('requests are throttled as given', () => {
  const { properties } = createVendorStack(() => ({ throttle: { rateLimit: 7, burstLimit: 9 } }));

  expect(properties(STAGE)[0]?.DefaultRouteSettings).toEqual({
    ThrottlingRateLimit: 7,
    ThrottlingBurstLimit: 9,
  });
});

test('the access log says who called which route and how it went, and not what was asked for', () => {
  const { properties } = createVendorStack();

  const settings = properties(STAGE)[0]?.AccessLogSettings as Record<string, string> | undefined;
  const { Format, DestinationArn } = settings ?? {};
  const logged: unknown = JSON.parse(
    (Format ?? '').replace('$context.error.messageString', '"quoted by AWS"'),
  );

  expect(logged).toMatchObject({
    requestId: '$context.requestId',
    caller: '$context.identity.userArn',
    routeKey: '$context.routeKey',
    status: '$context.status',
    latencyMs: '$context.responseLatency',
    integrationError: '$context.integrationErrorMessage',
  });
  expect(Format).not.toMatch(/\$(?:request|context\.(?:path|authorizer|customDomain))|query|header|body/i);
  expect(DestinationArn).toBeDefined();
});

test('both logs are kept for a year if nothing else is said, and outlive the stack', () => {
  const { resources } = createVendorStack();

  const groups = Object.values(resources('AWS::Logs::LogGroup'));

  expect(groups).toHaveLength(2);
  expect(groups).toEqual(
    Array(2).fill(
      expect.objectContaining({ DeletionPolicy: 'Retain', Properties: { RetentionInDays: 365 } }),
    ),
  );
});

test('without the API there is nothing of API Gateway', () => {
  const { text, vendor, properties } = createVendorStack(() => ({ api: false }));

  expect(text()).not.toMatch(/apigateway|execute-api/i);
  expect(vendor.api).toBeUndefined();
  expect(properties(ALIAS)).toHaveLength(3);
});
