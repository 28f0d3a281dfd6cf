import { App } from 'aws-cdk-lib';
import { ComputeStack } from './stack.ts';

new ComputeStack(new App(), 'ComputeExample');
