import net from 'node:net';

/**
 * Refuses every connection that would leave this machine, in every test file: what a test needs of Google or
 * AWS is a stand-in on loopback, and a test that forgets it fails at once, by name, and not by a time-out.
 */
const connect = net.Socket.prototype.connect;

function isLoopback(host: string | undefined): boolean {
  return host === undefined || host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function targetHost(args: readonly unknown[]): string | undefined {
  const [first, second] = Array.isArray(args[0]) ? (args[0] as unknown[]) : args;
  if (typeof first === 'object' && first !== null) {
    return (first as { path?: string; host?: string }).path === undefined
      ? (first as { host?: string }).host
      : undefined;
  }
  return typeof second === 'string' ? second : undefined;
}

net.Socket.prototype.connect = function guarded(this: net.Socket, ...args: unknown[]): net.Socket {
  const host = targetHost(args);
  if (!isLoopback(host)) {
    throw new Error(`A test tried to reach ${host}: only loopback may be reached from a test`);
  }
  return Reflect.apply(connect, this, args) as net.Socket;
} as typeof connect;
