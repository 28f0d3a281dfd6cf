import { App } from 'aws-cdk-lib';
import { LambdaStack } from './stack.ts';

new LambdaStack(new App(), 'LambdaExample');
