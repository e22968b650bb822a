import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type Koa from 'koa';
import type { Grants } from '../grants/grants.ts';
import { noteOf } from '../observability/request-note.ts';
import { whatWasAsked } from '../provider/errors/protocol-errors.ts';
import type { PlainEndpoint } from '../provider/plain/plain-requests.ts';
import type { ProviderHost } from '../provider/provider.ts';
import type { TrustedProxies } from './transport/client-address.ts';
import { transportCheck } from './transport/transport.ts';

const NOTHING = Buffer.alloc(0);
const FAILURE = Symbol('what a plain answer failed with');

type Failed = IncomingMessage & {
  [FAILURE]?: { route: string; clientId: string | undefined; error: unknown };
};

/** Throws what the plain answer to this request failed with, if it did: the error boundary tells of it. */
export const tellFailure: Koa.Middleware = (ctx, next) => {
  const failure = (ctx.req as Failed)[FAILURE];
  if (failure === undefined) return next();
  Object.assign(ctx, { routerName: failure.route });
  ctx.state.clientId = failure.clientId;
  throw failure.error;
};

/**
 * Answers plain requests (lib/provider/plain) with the fixed headers of all answers of their kind, each in a unit of work of its own.
 * Everything else, and whatever is more than simply answered, is for `application`: nothing was written before, and a body that was
 * read can be read again. `contexts` makes the contexts of these requests, as those of the application are.
 */
export function answerPlainRequests(
  application: RequestListener,
  options: {
    contexts: Koa;
    host: ProviderHost;
    grants: Grants;
    issuer: string;
    proxies: TrustedProxies;
    headers: ReadonlyArray<readonly [string, string]>;
  },
): RequestListener {
  const { contexts, host, grants, issuer, proxies, headers } = options;
  const isAccepted = transportCheck(issuer, proxies);
  // Koa's own sets headers when it is assigned.
  Object.defineProperty(contexts.context, 'body', { value: undefined, writable: true });
  const fixed = [
    ...headers.flat(),
    ...['Cache-Control', 'no-store', 'Vary', 'Origin', 'Content-Type', 'application/json; charset=utf-8'],
  ];

  function answerOf(endpoint: PlainEndpoint, ctx: Koa.Context, body: Buffer): Promise<object | undefined> {
    return grants.inUnitOfWork(async () => {
      const answer = await endpoint.answer(ctx, body);
      if (answer === undefined) return undefined;
      const { outcome } = await grants.commit('everything');
      return outcome === 'committed' ? answer : undefined;
    }, noteOf(ctx.req));
  }

  async function answer(
    endpoint: PlainEndpoint,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const body = endpoint.method === 'POST' ? await readBody(request) : NOTHING;
    const ctx = contexts.createContext(request, response) as Koa.Context;
    try {
      const content = await answerOf(endpoint, ctx, body);
      if (content !== undefined) {
        const note = noteOf(request);
        if (note !== undefined) note.endpoint = endpoint.route;
        const text = JSON.stringify(content);
        response.writeHead(200, [...fixed, 'Content-Length', String(Buffer.byteLength(text))]).end(text);
        return;
      }
    } catch (error) {
      (request as Failed)[FAILURE] = { route: endpoint.route, clientId: whatWasAsked(ctx).clientId, error };
    }
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    if (endpoint.method === 'POST') handOn(request, body);
    application(request, response);
  }

  return (request, response) => {
    const endpoint = isAccepted(request) ? host.current().plain(request) : undefined;
    if (endpoint === undefined) application(request, response);
    else void answer(endpoint, request, response);
  };
}

/** A body that is as short as it was announced to be; empty when it broke off, as which the engine refuses it. */
function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    request.once('close', () => resolve(NOTHING));
  });
}

/** Lets the engine read a body that was read already, as if it had not been. */
function handOn(request: IncomingMessage, body: Buffer): void {
  Object.defineProperty(request, 'readable', { value: true, writable: true, configurable: true });
  request.iterator = async function* unread() {
    yield body;
  } as IncomingMessage['iterator'];
}
