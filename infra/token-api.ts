import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  type CfnStage,
  HttpApi,
  HttpIntegrationType,
  HttpMethod,
  HttpNoneAuthorizer,
  type HttpRoute,
  HttpRouteIntegration,
  type HttpRouteIntegrationConfig,
  HttpStage,
  LogGroupLogDestination,
  PayloadFormatVersion,
  type ThrottleSettings,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Alias, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct, type IDependable } from 'constructs';

const METHODS = [HttpMethod.GET, HttpMethod.POST];
const STAGE = '$default';
const OAUTH_PATH = '/oauth/token';

/** What is logged of a request. Never its query string, its body or a header: those say what is asked for. */
const ACCESS_LOG = {
  requestId: '$context.requestId',
  time: '$context.requestTimeEpoch',
  caller: '$context.identity.userArn',
  sourceIp: '$context.identity.sourceIp',
  routeKey: '$context.routeKey',
  status: '$context.status',
  latencyMs: '$context.responseLatency',
  integrationLatencyMs: '$context.integrationLatency',
  integrationError: '$context.integrationErrorMessage',
  error: '$context.error.messageString',
};

/** `messageString` comes with its quotes, so that whatever is in it the line is JSON. */
function accessLogFormat(): string {
  return JSON.stringify(ACCESS_LOG).replace('"$context.error.messageString"', '$context.error.messageString');
}

/** Routes a request to an alias or a function. CDK's own would let any method and any stage of the API invoke it. */
class FunctionIntegration extends HttpRouteIntegration {
  readonly #target: Alias | LambdaFunction;

  constructor(id: string, target: Alias | LambdaFunction) {
    super(id);
    this.#target = target;
  }

  override bind(): HttpRouteIntegrationConfig {
    return {
      type: HttpIntegrationType.AWS_PROXY,
      uri: this.#target.functionArn,
      payloadFormatVersion: PayloadFormatVersion.VERSION_2_0,
    };
  }
}

/** What the API is made of. */
export interface TokenApiProps {
  /** What callers may ask of all routes together. */
  readonly throttle: ThrottleSettings;
  readonly logRetention: RetentionDays;
}

/** The path that the HTTP API serves a profile at. */
export function tokenPath(profile: string): string {
  return profile === 'default' ? '/token' : `/profiles/${profile}/token`;
}

/**
 * The HTTP API of a vendor: IAM authorization on every route, and a route for nothing but the profiles. OAuth's alone, where it
 * was asked for, has none: it comes to a function of its own, which authenticates clients.
 */
export class TokenApi extends Construct {
  /** Its address, without a slash at the end. */
  readonly url: string;
  readonly accessLog: LogGroup;
  readonly #api: HttpApi;
  readonly #stage: HttpStage;

  constructor(scope: Construct, id: string, props: TokenApiProps) {
    super(scope, id);
    this.#api = new HttpApi(this, 'Http', {
      apiName: `${Stack.of(this).stackName}-tokens`,
      description: 'Short-lived Google tokens for AWS workloads',
      createDefaultStage: false,
    });
    this.accessLog = new LogGroup(this, 'AccessLog', {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.#stage = new HttpStage(this, 'Stage', {
      httpApi: this.#api,
      stageName: STAGE,
      autoDeploy: true,
      throttle: props.throttle,
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.accessLog),
        format: AccessLogFormat.custom(accessLogFormat()),
      },
    });
    this.url = this.#api.apiEndpoint;
  }

  /** Serves a profile by its alias, and returns the ARNs of its routes, for `execute-api:Invoke`. */
  addProfile(name: string, alias: Alias): readonly string[] {
    const path = tokenPath(name);
    this.#api.addRoutes({
      path,
      methods: METHODS,
      integration: new FunctionIntegration(`Profile-${name}`, alias),
      authorizer: new HttpIamAuthorizer(),
    });
    return METHODS.map((method) => this.#allowInvoke(alias, method, path));
  }

  /** Serves `POST /oauth/token` by `fn`, and returns its URL, and what has to be there before it answers. */
  addOAuth(
    fn: LambdaFunction,
    throttle: ThrottleSettings,
  ): { readonly url: string; readonly ready: readonly IDependable[] } {
    const routes = this.#api.addRoutes({
      path: OAUTH_PATH,
      methods: [HttpMethod.POST],
      integration: new FunctionIntegration('OAuth', fn),
      authorizer: new HttpNoneAuthorizer(),
    });
    for (const route of routes) {
      Validations.of(route).acknowledge({
        id: 'AwsSolutions-APIG4',
        reason:
          'Its callers cannot sign: the function behind it authenticates each request as an OAuth client, by a secret of 256 bits.',
      });
    }
    this.#throttleOAuth(routes, throttle);
    this.#allowInvoke(fn, HttpMethod.POST, OAUTH_PATH);
    return { url: `${this.url}${OAUTH_PATH}`, ready: [...routes, this.#stage] };
  }

  /** API Gateway refuses settings for a route that is not there yet. */
  #throttleOAuth(routes: readonly HttpRoute[], { rateLimit, burstLimit }: ThrottleSettings): void {
    const stage = this.#stage.node.defaultChild as CfnStage;
    stage.routeSettings = {
      [`${HttpMethod.POST} ${OAUTH_PATH}`]: {
        ThrottlingRateLimit: rateLimit,
        ThrottlingBurstLimit: burstLimit,
      },
    };
    this.#stage.node.addDependency(...routes);
  }

  #allowInvoke(target: Alias | LambdaFunction, method: HttpMethod, path: string): string {
    const sourceArn = Stack.of(this).formatArn({
      service: 'execute-api',
      resource: this.#api.apiId,
      resourceName: `${STAGE}/${method}${path}`,
    });
    target.addPermission(`Api${method}`, {
      principal: new ServicePrincipal('apigateway.amazonaws.com'),
      sourceArn,
    });
    return sourceArn;
  }
}
