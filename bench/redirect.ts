import dns from 'node:dns';
import net from 'node:net';

/**
 * Leads connections for Google and Secrets Manager to the stand-ins, for everyone who is measured alike. Only the name's
 * answer and the port are exchanged, so that all that a client does to find and to trust a host is still done.
 *
 * `BENCH_ROUTES` holds the ports as JSON: `{"oauth2.googleapis.com:443": 8443}`.
 */
const routes = JSON.parse(process.env.BENCH_ROUTES ?? '{}') as Readonly<Record<string, number>>;
const names = new Set(Object.keys(routes).map((route) => route.slice(0, route.lastIndexOf(':'))));

type LookupCallback = (error: null, address: unknown, family?: number) => void;
type ConnectOptions = { readonly host?: string; readonly port?: number | string };

const lookup = dns.lookup;
const connect = net.Socket.prototype.connect;

function redirectedLookup(host: string, options: unknown, callback: LookupCallback): void {
  if (!names.has(host) || typeof options !== 'object') {
    Reflect.apply(lookup, dns, [host, options, callback]);
    return;
  }
  const all = (options as { all?: boolean } | null)?.all === true;
  setImmediate(() =>
    all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4),
  );
}

function redirect(options: ConnectOptions): ConnectOptions {
  const port = routes[`${options.host}:${options.port}`];
  return port === undefined ? options : { ...options, port };
}

function redirectedConnect(this: net.Socket, ...args: unknown[]): net.Socket {
  const [first, ...rest] = args;
  if (Array.isArray(first)) {
    // Node's own calls pass one array, marked as already in order.
    first[0] = redirect(first[0] as ConnectOptions);
    return Reflect.apply(connect, this, [first, ...rest]) as net.Socket;
  }
  const target = typeof first === 'object' && first !== null ? redirect(first) : first;
  return Reflect.apply(connect, this, [target, ...rest]) as net.Socket;
}

dns.lookup = redirectedLookup as typeof dns.lookup;
net.Socket.prototype.connect = redirectedConnect as typeof connect;
