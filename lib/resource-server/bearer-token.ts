/** Where a request may carry an access token, and what may show that it is its sender's. */
export interface BearerPresentation {
  /** Every `Authorization` header field of the request: a repeated one must not be lost before it gets here. */
  authorization: readonly string[];
  /** The request's URL or path, with its query. */
  url: string;
  /** For tokens that are bound to a key (RFC 9449): the method, and every `DPoP` header field. */
  method?: string;
  proofs?: readonly string[];
  /** For tokens that are bound to a certificate (RFC 8705 §3): the one that the client has shown, as DER. */
  certificate?: Uint8Array<ArrayBuffer> | undefined;
  /** The request itself, where it may be checked more than once: its proof counts for each check of it. */
  request?: object | undefined;
}

/** What a request presents. */
export type Presented =
  | { outcome: 'presented'; token: string; scheme: 'Bearer' | 'DPoP' }
  | { outcome: 'missing' }
  | { outcome: 'malformed_request'; reason: string };

/**
 * Takes the access token out of a request. Only the `Authorization` header is a place for it (RFC 6750 §2.1): a token in
 * the query leaks into logs and histories and is refused (RFC 9700 §4.3.2), alone or beside the header. Another scheme
 * counts as no token; so does that of RFC 9449 §7.1 unless `schemes` has it.
 */
export function readAccessToken(
  { authorization, url }: BearerPresentation,
  schemes: ReadonlyArray<'Bearer' | 'DPoP'> = ['Bearer'],
): Presented {
  if (hasTokenInQuery(url)) {
    return { outcome: 'malformed_request', reason: 'an access token in the query is not accepted' };
  }
  const [field, ...others] = authorization;
  if (others.length > 0)
    return { outcome: 'malformed_request', reason: 'more than one Authorization header' };
  // RFC 9110 §11.1: the scheme is case-insensitive.
  const named = /^(Bearer|DPoP)(?:\s|$)/i.exec(field ?? '')?.[1]?.toLowerCase();
  const scheme = schemes.find((one) => one.toLowerCase() === named);
  if (field === undefined || scheme === undefined) return { outcome: 'missing' };
  const token = /^\w+ +([A-Za-z0-9\-._~+/]+=*) *$/.exec(field)?.[1];
  if (token === undefined)
    return { outcome: 'malformed_request', reason: 'the Authorization header is malformed' };
  return { outcome: 'presented', token, scheme };
}

function hasTokenInQuery(url: string): boolean {
  const start = url.indexOf('?');
  return start !== -1 && new URLSearchParams(url.slice(start)).has('access_token');
}
