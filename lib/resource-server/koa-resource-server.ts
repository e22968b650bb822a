import type { AccessTokenClaims } from './access-token-claims.ts';
import { certificateOf, headerFields, type NodeRequestLike } from './node-request.ts';
import { createRequestCheck, metadataToServe, type ResourceServerOptions } from './request-checks.ts';
import type { RequiredAuthentication } from './required-authentication.ts';

/** State of a Koa context behind the middleware: `new Koa<KoaTokenState>()`. */
export interface KoaTokenState<Extra extends object = object> {
  token: AccessTokenClaims & Extra;
}

/** The part of a Koa context that is used. */
export interface KoaContextLike {
  readonly req: NodeRequestLike;
  readonly method: string;
  readonly originalUrl: string;
  // biome-ignore lint/suspicious/noExplicitAny: Koa's own type of an app's state
  state: any;
  status: number;
  body: unknown;
  set(headers: Record<string, string>): void;
}

/** Koa middleware. */
export type KoaMiddlewareLike = (ctx: KoaContextLike, next: () => Promise<unknown>) => Promise<void>;

/** Middleware that lets only requests with a good access token pass. */
export interface KoaResourceServer {
  /** Any good token. */
  requireToken(): KoaMiddlewareLike;
  /** A good token with all of these scopes; it need not stand behind `requireToken`. */
  requireScopes(...scopes: string[]): KoaMiddlewareLike;
  /** A good token with all of these scopes, whose person signed in as required (RFC 9470 step-up authentication). */
  requireAuthentication(required: RequiredAuthentication, ...scopes: string[]): KoaMiddlewareLike;
  /**
   * Serves the API's metadata (RFC 9728) at its well-known path and passes on everything else: `app.use(api.metadata())`.
   *
   * @throws {TypeError} without the option `metadata`.
   */
  metadata(): KoaMiddlewareLike;
}

/**
 * Guards a Koa app (2 or 3). The token's claims are at `ctx.state.token`; a request without a good token is answered and
 * goes no further.
 *
 * @throws {TypeError} as `createTokenVerifier` does.
 */
export function koaResourceServer(options: ResourceServerOptions): KoaResourceServer {
  const check = createRequestCheck(options);
  const require =
    (scopes: string[], required?: RequiredAuthentication): KoaMiddlewareLike =>
    async (ctx, next) => {
      const request = {
        authorization: headerFields(ctx.req, 'authorization'),
        method: ctx.method,
        url: ctx.originalUrl,
        proofs: headerFields(ctx.req, 'dpop'),
        certificate: certificateOf(ctx.req, options.certificates),
        request: ctx.req,
      };
      const checked = await check(request, scopes, required);
      if (checked.outcome === 'admitted') {
        ctx.state.token = checked.token;
        await next();
        return;
      }
      const { status, headers, body } = checked.response;
      ctx.status = status;
      ctx.set(headers);
      ctx.body = body;
    };
  return {
    requireToken: () => require([]),
    requireScopes: (...scopes) => require(scopes),
    requireAuthentication: (required, ...scopes) => require(scopes, required),
    metadata() {
      const metadata = metadataToServe(options);
      return async (ctx, next) => {
        const response = metadata.respond(ctx.method, ctx.originalUrl);
        if (response === undefined) {
          await next();
          return;
        }
        ctx.status = response.status;
        ctx.set(response.headers);
        ctx.body = response.body;
      };
    },
  };
}
