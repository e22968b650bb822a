import type { AccessTokenClaims } from './access-token-claims.ts';
import { clientCertOf } from './client-cert-header.ts';
import { createRequestCheck, metadataToServe, type ResourceServerOptions } from './request-checks.ts';
import type { RequiredAuthentication } from './required-authentication.ts';

/** A handler of the fetch style, given the token's claims; `rest` is whatever the platform passes on (environment, …). */
export type TokenHandler<Extra extends object, Rest extends unknown[]> = (
  request: Request,
  token: AccessTokenClaims & Extra,
  ...rest: Rest
) => Response | Promise<Response>;

/** A handler of the fetch style. */
export type FetchHandler<Rest extends unknown[]> = (request: Request, ...rest: Rest) => Promise<Response>;

/** Wraps handlers so that only requests with a good access token reach them. */
export interface FetchResourceServer<Extra extends object = object> {
  /** Any good token. */
  requireToken<Rest extends unknown[]>(handler: TokenHandler<Extra, Rest>): FetchHandler<Rest>;
  /** A good token with all of these scopes. */
  requireScopes(
    ...scopes: string[]
  ): <Rest extends unknown[]>(handler: TokenHandler<Extra, Rest>) => FetchHandler<Rest>;
  /** A good token with all of these scopes, whose person signed in as required (RFC 9470 step-up authentication). */
  requireAuthentication(
    required: RequiredAuthentication,
    ...scopes: string[]
  ): <Rest extends unknown[]>(handler: TokenHandler<Extra, Rest>) => FetchHandler<Rest>;
  /**
   * A handler that answers requests for the API's metadata (RFC 9728), and undefined for every other request.
   *
   * @throws {TypeError} without the option `metadata`.
   */
  metadata(): (request: Request) => Response | undefined;
}

/**
 * Guards handlers that take a `Request` and answer a `Response` (Deno, Bun, workers, Hono, Next.js routes).
 *
 * @throws {TypeError} as `createTokenVerifier` does, and for `certificates` from `tls`: a `Request` does not tell its connection.
 */
export function fetchResourceServer<Extra extends object = object>(
  options: ResourceServerOptions,
): FetchResourceServer<Extra> {
  if (options.certificates === 'tls') {
    throw new TypeError('certificates must be client-cert: a Request does not tell its connection');
  }
  const check = createRequestCheck<Extra>(options);
  const wrap =
    <Rest extends unknown[]>(
      scopes: string[],
      handler: TokenHandler<Extra, Rest>,
      required?: RequiredAuthentication,
    ): FetchHandler<Rest> =>
    async (request, ...rest) => {
      // Headers joins repeated fields with a comma, which no token or proof contains: two fields are seen as malformed.
      const fields = (name: string) => {
        const field = request.headers.get(name);
        return field === null ? [] : [field];
      };
      const presented = {
        authorization: fields('authorization'),
        method: request.method,
        url: request.url,
        proofs: fields('dpop'),
        certificate: options.certificates === undefined ? undefined : clientCertOf(fields('client-cert')),
        request,
      };
      const checked = await check(presented, scopes, required);
      if (checked.outcome === 'admitted') return handler(request, checked.token, ...rest);
      const { status, headers, body } = checked.response;
      return Response.json(body, { status, headers });
    };
  return {
    requireToken: (handler) => wrap([], handler),
    requireScopes:
      (...scopes) =>
      (handler) =>
        wrap(scopes, handler),
    requireAuthentication:
      (required, ...scopes) =>
      (handler) =>
        wrap(scopes, handler, required),
    metadata() {
      const metadata = metadataToServe(options);
      return (request) => {
        const answer = metadata.respond(request.method, request.url);
        if (answer === undefined) return undefined;
        const { status, headers, body } = answer;
        return new Response(body === '' ? null : body, { status, headers });
      };
    },
  };
}
