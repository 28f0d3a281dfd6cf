/**
 * What Lambda's runtime is to the bundle, and no more: loads the handler that `_HANDLER` names, then invokes it for
 * each message from the parent. It imports nothing from the repository, so that it runs where only the bundle is.
 */
import { inspect } from 'node:util';

const [file, name] = process.env._HANDLER.split('.');
const { [name]: handler } = await import(`${process.env.LAMBDA_TASK_ROOT}/${file}.mjs`);

function describe(error) {
  return {
    name: error.name,
    message: error.message,
    fields: Object.getOwnPropertyNames(error),
    stack: error.stack,
    inspected: inspect(error, { showHidden: true, depth: Number.POSITIVE_INFINITY }),
  };
}

process.on('message', async ({ id, event, arn, remainingMs }) => {
  const endMs = Date.now() + remainingMs;
  const context = {
    awsRequestId: `request-${id}`,
    invokedFunctionArn: arn,
    getRemainingTimeInMillis: () => Math.max(0, endMs - Date.now()),
  };
  try {
    process.send({ id, result: await handler(event, context) });
  } catch (error) {
    process.send({ id, thrown: describe(error) });
  }
});

process.send({ id: 'ready', result: { arity: handler.length, initialMs: performance.now() } });
