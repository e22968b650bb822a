/**
 * How the provider calls addresses that others have named: relying parties, authentication devices, documents of clients.
 * This room owns what such a call may do. It refuses, at the moment of connecting, every address that is not of the public
 * Internet and not allowed by the operator, so that a name which resolves anew (DNS rebinding) is no way round; redirects,
 * which it does not follow; plain http but to an allowed loopback address; answers that are too long or too slow. It answers
 * for RFC 9700 §4.11 in as far as the provider is the one that is led on, and for the server-side request forgery notes of
 * RFC 9101 §10.4 and OpenID Connect Core §15.
 */
import { lookup as resolve } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isLoopbackAddress, reachableAddresses } from './special-addresses.ts';

/** Why a call came to nothing. */
export type FetchFailure = 'refused_address' | 'refused_url' | 'timed_out' | 'too_large' | 'unreachable';

/** A call that came to nothing. Its message names no address that a name resolved to: callers may tell it to others. */
export class SafeFetchError extends Error {
  override name = 'SafeFetchError';
  readonly reason: FetchFailure;

  constructor(reason: FetchFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

/** What a caller must bound. */
export interface FetchBounds {
  /** Of the answer's body; a longer one is a failure. */
  maximumBytes: number;
  /** For everything: resolving the name, connecting, the answer's last byte. */
  timeoutMs: number;
}

/** `fetch` for addresses that others have named. The answer's body is in memory when it resolves. */
export type SafeFetch = (url: string, init: RequestInit & FetchBounds) => Promise<Response>;

/**
 * Makes the room's one service. `privateNetworks`: addresses, CIDR ranges or `loopback` that may be called though they are
 * not of the public Internet.
 *
 * The function it answers rejects with {@link SafeFetchError}, or with the reason of `init.signal`. An answer of any
 * status resolves, redirects as they are.
 */
export function createSafeFetch(options: { privateNetworks: readonly string[] }): SafeFetch {
  const isReachable = reachableAddresses(options.privateNetworks);
  return async (url, { maximumBytes, timeoutMs, ...init }) => {
    const target = URL.parse(url);
    if (target === null || (target.protocol !== 'https:' && target.protocol !== 'http:')) {
      throw new SafeFetchError('refused_url', 'only https URLs can be called');
    }
    if (target.username !== '' || target.password !== '') {
      throw new SafeFetchError('refused_url', 'a URL with credentials is not called');
    }
    const plain = target.protocol === 'http:';
    // Nobody else's wire carries what is sent: a token, a notice of who signed out.
    const accepts = (address: string): boolean =>
      isReachable(address) && (!plain || isLoopbackAddress(address));
    const host = target.hostname.replace(/^\[(.*)\]$/, '$1');
    // An address is connected to without being looked up.
    if (isIP(host) !== 0 && !accepts(host)) throw refusedAddress(target, plain);
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = init.signal == null ? timeout : AbortSignal.any([timeout, init.signal]);
    try {
      return await call(target, { init, signal, maximumBytes, lookup: lookupAccepted(accepts, target) });
    } catch (error) {
      if (init.signal?.aborted === true) throw init.signal.reason;
      if (timeout.aborted) {
        throw new SafeFetchError('timed_out', `${target.host} did not answer within ${timeoutMs} ms`, error);
      }
      if (error instanceof SafeFetchError) throw error;
      const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      // In the words of a name that is not public: nobody finds out here which names a private network has.
      if (code === 'ENOTFOUND')
        throw new SafeFetchError('unreachable', refusedAddress(target, plain).message, error);
      throw new SafeFetchError('unreachable', `${target.host} cannot be called (${code})`, error);
    }
  };
}

function refusedAddress({ host }: URL, plain: boolean): SafeFetchError {
  return new SafeFetchError(
    'refused_address',
    plain
      ? `${host} is called over https only`
      : `${host} is not of the public Internet, or does not exist, and outbound.private_networks does not name it`,
  );
}

/** Resolves a name to those of its addresses that may be connected to: what is judged is what is used. */
function lookupAccepted(accepts: (address: string) => boolean, target: URL): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const accepted = addresses.filter(({ address }) => accepts(address));
      const [first] = accepted;
      if (first === undefined) return callback(refusedAddress(target, target.protocol === 'http:'), []);
      if (options.all === true) return callback(null, accepted);
      callback(null, first.address, first.family);
    });
  };
}

async function call(
  target: URL,
  options: { init: RequestInit; signal: AbortSignal; maximumBytes: number; lookup: LookupFunction },
): Promise<Response> {
  const { init, signal, maximumBytes, lookup } = options;
  const { method = 'GET', headers: given, body } = init;
  const wanted = new Request(target, {
    method,
    ...(given === undefined ? {} : { headers: given }),
    ...(body == null ? {} : { body }),
  });
  const content = body == null ? undefined : Buffer.from(await wanted.arrayBuffer());
  const headers: http.OutgoingHttpHeaders = {
    'user-agent': 'Latchkey',
    ...Object.fromEntries(wanted.headers),
    // A short text that unpacks to gigabytes is not asked for.
    'accept-encoding': 'identity',
    ...(content === undefined ? {} : { 'content-length': content.length }),
  };
  const { request } = target.protocol === 'https:' ? https : http;
  const { promise, resolve: answer, reject } = Promise.withResolvers<http.IncomingMessage>();
  // No connection is kept: the next one is judged by itself.
  const sent = request(target, { method, headers, lookup, signal, agent: false });
  sent.on('response', answer);
  sent.on('error', reject);
  // Also without an error: of a protocol that is switched to (101), which nobody asked for.
  sent.on('close', () => reject(new Error('the connection ended without an answer')));
  sent.end(content);
  const response = await promise;
  try {
    return new Response(await bodyOf(response, maximumBytes), {
      status: response.statusCode ?? 0,
      headers: headersOf(response),
    });
  } finally {
    response.destroy();
  }
}

/** Statuses whose answer has no body (RFC 9110 §15), so that `Response` takes none. */
const WITHOUT_BODY = new Set([204, 205, 304]);

async function bodyOf(
  response: http.IncomingMessage,
  maximumBytes: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maximumBytes) {
      throw new SafeFetchError('too_large', `the answer is longer than ${maximumBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return WITHOUT_BODY.has(response.statusCode ?? 0) ? null : Uint8Array.from(Buffer.concat(chunks));
}

function headersOf({ rawHeaders }: http.IncomingMessage): Headers {
  const headers = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.append(String(rawHeaders[index]), String(rawHeaders[index + 1]));
  }
  return headers;
}
