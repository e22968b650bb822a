/** Where a request may carry a bearer token. */
export interface BearerPresentation {
  /** Every `Authorization` header field of the request: a repeated one must not be lost before it gets here. */
  authorization: readonly string[];
  /** The request's URL or path, with its query. */
  url: string;
}

/** What a request presents. */
export type Presented =
  | { outcome: 'presented'; token: string }
  | { outcome: 'missing' }
  | { outcome: 'malformed_request'; reason: string };

/**
 * Takes the bearer token out of a request. Only the `Authorization` header is a place for it (RFC 6750 §2.1): a token in
 * the query leaks into logs and histories and is refused (RFC 9700 §4.3.2), alone or beside the header. Another scheme
 * counts as no token.
 */
export function readBearerToken({ authorization, url }: BearerPresentation): Presented {
  if (hasTokenInQuery(url)) {
    return { outcome: 'malformed_request', reason: 'an access token in the query is not accepted' };
  }
  const [field, ...others] = authorization;
  if (others.length > 0)
    return { outcome: 'malformed_request', reason: 'more than one Authorization header' };
  // RFC 9110 §11.1: the scheme is case-insensitive.
  if (field === undefined || !/^Bearer(?:\s|$)/i.test(field)) return { outcome: 'missing' };
  const token = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(field)?.[1];
  if (token === undefined)
    return { outcome: 'malformed_request', reason: 'the Authorization header is malformed' };
  return { outcome: 'presented', token };
}

function hasTokenInQuery(url: string): boolean {
  const start = url.indexOf('?');
  return start !== -1 && new URLSearchParams(url.slice(start)).has('access_token');
}

/**
 * All `Authorization` fields of a Node request, of which `headers` would keep the first alone.
 *
 * @param rawHeaders names and values by turns.
 */
export function authorizationFields(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'authorization',
  );
}
