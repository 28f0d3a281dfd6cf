import { App } from 'aws-cdk-lib';
import { PythonEcsStack } from './stack.ts';

new PythonEcsStack(new App(), 'PythonEcsExample');
