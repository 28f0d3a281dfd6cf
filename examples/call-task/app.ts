import { App } from 'aws-cdk-lib';
import { CallTaskStack } from './stack.ts';

new CallTaskStack(new App(), 'CallTaskExample');
