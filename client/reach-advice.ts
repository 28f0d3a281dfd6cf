import { retryAdvice } from '../lambda/aws/aws-failure.ts';
import { isLoopbackHost } from './vendor-url.ts';

/** Returns what a person does about a vendor that could not be reached: on this machine, that is to start it. */
export function reachAdvice(name: string, url: URL): string {
  return name === 'ECONNREFUSED' && isLoopbackHost(url.hostname)
    ? 'Nothing listens there: start the vendor with `npm start`, or correct the port.'
    : retryAdvice(name);
}
