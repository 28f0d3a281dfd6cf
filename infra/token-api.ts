import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  HttpApi,
  HttpIntegrationType,
  HttpMethod,
  HttpRouteIntegration,
  type HttpRouteIntegrationConfig,
  HttpStage,
  LogGroupLogDestination,
  PayloadFormatVersion,
  type ThrottleSettings,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Alias } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

const METHODS = [HttpMethod.GET, HttpMethod.POST];
const STAGE = '$default';

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

/** Routes a request to an alias. CDK's own would let any method and any stage of the API invoke it. */
class AliasIntegration extends HttpRouteIntegration {
  readonly #alias: Alias;

  constructor(id: string, alias: Alias) {
    super(id);
    this.#alias = alias;
  }

  override bind(): HttpRouteIntegrationConfig {
    return {
      type: HttpIntegrationType.AWS_PROXY,
      uri: this.#alias.functionArn,
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

/** The HTTP API of a vendor: IAM authorization on every route, and a route for nothing but the profiles. */
export class TokenApi extends Construct {
  /** Its address, without a slash at the end. */
  readonly url: string;
  readonly accessLog: LogGroup;
  readonly #api: HttpApi;

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
    new HttpStage(this, 'Stage', {
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
      integration: new AliasIntegration(`Profile-${name}`, alias),
      authorizer: new HttpIamAuthorizer(),
    });
    return METHODS.map((method) => this.#allowInvoke(alias, method, path));
  }

  #allowInvoke(alias: Alias, method: HttpMethod, path: string): string {
    const sourceArn = Stack.of(this).formatArn({
      service: 'execute-api',
      resource: this.#api.apiId,
      resourceName: `${STAGE}/${method}${path}`,
    });
    alias.addPermission(`Api${method}`, {
      principal: new ServicePrincipal('apigateway.amazonaws.com'),
      sourceArn,
    });
    return sourceArn;
  }
}
