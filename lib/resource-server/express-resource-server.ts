import type { AccessTokenClaims } from './access-token-claims.ts';
import { certificateOf, headerFields, type NodeRequestLike } from './node-request.ts';
import { createRequestCheck, metadataToServe, type ResourceServerOptions } from './request-checks.ts';
import type { RequiredAuthentication } from './required-authentication.ts';

/** Locals of a response behind the middleware: `(req, res: Response<unknown, ExpressTokenLocals>) => …`. */
export interface ExpressTokenLocals<Extra extends object = object> {
  token: AccessTokenClaims & Extra;
}

/** The part of an Express request that is used. */
export interface ExpressRequestLike extends NodeRequestLike {
  readonly method: string;
  readonly originalUrl: string;
}

/** The part of an Express response that is used. */
export interface ExpressResponseLike {
  // biome-ignore lint/suspicious/noExplicitAny: Express's own type of a response's locals
  locals: any;
  status(code: number): unknown;
  set(headers: Record<string, string>): unknown;
  json(body: unknown): unknown;
  send(body: string): unknown;
}

/** Express middleware. */
export type ExpressMiddlewareLike = (
  request: ExpressRequestLike,
  response: ExpressResponseLike,
  next: (error?: unknown) => void,
) => Promise<void>;

/** Middleware that lets only requests with a good access token pass. */
export interface ExpressResourceServer {
  /** Any good token. */
  requireToken(): ExpressMiddlewareLike;
  /** A good token with all of these scopes; it need not stand behind `requireToken`. */
  requireScopes(...scopes: string[]): ExpressMiddlewareLike;
  /** A good token with all of these scopes, whose person signed in as required (RFC 9470 step-up authentication). */
  requireAuthentication(required: RequiredAuthentication, ...scopes: string[]): ExpressMiddlewareLike;
  /**
   * Serves the API's metadata (RFC 9728) at its well-known path and passes on everything else: `app.use(api.metadata())`.
   *
   * @throws {TypeError} without the option `metadata`.
   */
  metadata(): ExpressMiddlewareLike;
}

/**
 * Guards an Express app (4 or 5). The token's claims are at `res.locals.token`, where Express keeps what belongs to one
 * request and types it; a request without a good token is answered and goes no further.
 *
 * @throws {TypeError} as `createTokenVerifier` does.
 */
export function expressResourceServer(options: ResourceServerOptions): ExpressResourceServer {
  const check = createRequestCheck(options);
  const require =
    (scopes: string[], required?: RequiredAuthentication): ExpressMiddlewareLike =>
    async (request, response, next) => {
      try {
        const presented = {
          authorization: headerFields(request, 'authorization'),
          method: request.method,
          url: request.originalUrl,
          proofs: headerFields(request, 'dpop'),
          certificate: certificateOf(request, options.certificates),
          request,
        };
        const checked = await check(presented, scopes, required);
        if (checked.outcome === 'answered') {
          const { status, headers, body } = checked.response;
          response.status(status);
          response.set(headers);
          response.json(body);
          return;
        }
        response.locals.token = checked.token;
      } catch (error) {
        // Express 4 does not look at the promise.
        next(error);
        return;
      }
      next();
    };
  return {
    requireToken: () => require([]),
    requireScopes: (...scopes) => require(scopes),
    requireAuthentication: (required, ...scopes) => require(scopes, required),
    metadata() {
      const metadata = metadataToServe(options);
      return async (request, response, next) => {
        const answer = metadata.respond(request.method, request.originalUrl);
        if (answer === undefined) {
          next();
          return;
        }
        response.status(answer.status);
        response.set(answer.headers);
        response.send(answer.body);
      };
    },
  };
}
