import { App } from 'aws-cdk-lib';
import { ConnectionStack } from './stack.ts';

new ConnectionStack(new App(), 'ConnectionExample');
