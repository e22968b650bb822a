/**
 * An API as its operator would guard it: for plans whose tokens are not for userinfo. Whatever the suite sends wrongly to a resource,
 * lib/resource-server has to refuse.
 */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { readTls } from '../../lib/http/transport/tls-certificate.ts';
import type { Fetch } from '../../lib/resource-server/fetch-json.ts';
import { type KoaTokenState, koaResourceServer } from '../../lib/resource-server/koa-resource-server.ts';
import type { CertificateFiles } from './certificate.ts';

/** The scope that the API has. */
export const API_SCOPE = 'notes';

export interface GuardedApi {
  /** Its address, which is its identifier as well. */
  identifier: string;
  /** From now on it takes tokens of this issuer. */
  trust(issuer: string, fetch: Fetch): void;
  stop(): Promise<void>;
}

/** Starts it on a free port of `localhost`, with this certificate. Tokens must be bound, as FAPI 2.0 has it. */
export async function startGuardedApi(files: CertificateFiles): Promise<GuardedApi> {
  const app = new Koa<KoaTokenState>();
  let guard: Koa.Middleware | undefined;
  app.use((ctx, next) => (guard === undefined ? undefined : guard(ctx, next)));
  app.use((ctx) => {
    ctx.body = { notes: [], sub: ctx.state.token.sub };
  });
  const tls = readTls({ certFile: files.certificate, keyFile: files.key, clientCertificates: {} });
  const server = createServer(tls, app.callback());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  const identifier = `${origin}/notes`;
  return {
    identifier,
    trust(issuer, fetch) {
      const api = koaResourceServer({
        issuer,
        audience: identifier,
        fetch,
        // The suite looks a second later whether a token was revoked.
        statusMaxAge: 1,
        requiredScopes: [API_SCOPE],
        dpop: { origin },
        certificates: 'tls',
        requireBinding: true,
      });
      guard = api.requireToken() as Koa.Middleware;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
