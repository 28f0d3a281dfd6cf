import http from 'node:http';
import { createInvokeFunction } from '../lambda/aws/invoke-function.ts';
import { createCaller } from '../lambda/call/caller.ts';
import { createServiceNetwork } from '../lambda/call/service-network.ts';
import { createClock } from '../lambda/google/clock.ts';
import { createNetwork } from '../lambda/google/post.ts';
import type { TaskHandler } from '../local/aws/state-machine.ts';
import { ACCOUNT_ID, FUNCTION_NAME, REGION } from '../local/place.ts';
import type { Here } from './here.ts';

const TIMEOUT_MS = 30_000;

/** Returns the function of `callTask`, as it is deployed, but for where Google's private function is to be found. */
export function callTask(profileName: string): (here: Here) => TaskHandler {
  return ({ vendor, google }) => {
    const profile = vendor.profiles.get(profileName);
    if (profile === undefined) {
      throw new Error(`there is no profile ${profileName}`);
    }
    const aws = { region: async () => REGION, credentials: async () => vendor.credential };
    const { post } = createNetwork();
    const handler = createCaller({
      profile,
      aliasArn: `arn:aws:lambda:${REGION}:${ACCOUNT_ID}:function:${FUNCTION_NAME}:${profileName}`,
      audit: { record: () => {}, warn: () => {} },
      invoke: createInvokeFunction({ aws, post, clock: createClock(), url: vendor.url }),
      send: createServiceNetwork({
        open: (_, options) => http.request(google.functionUrl, { ...options, agent: false }),
      }),
    });
    return async (event) =>
      await handler(event, {
        awsRequestId: 'here',
        invokedFunctionArn: '',
        getRemainingTimeInMillis: () => TIMEOUT_MS,
      });
  };
}
