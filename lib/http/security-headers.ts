import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';
import type Koa from 'koa';

/** Two years, the value preload lists ask for (s). Sent only when the issuer is https. */
const STRICT_TRANSPORT_SECONDS = 63_072_000;

/**
 * The policy of every answer; pages that post a form widen `form-action`, and those with a logo `img-src` (see form-targets.ts). No inline
 * script or style; `script-src` must exist because the engine adds the digest of its form-post script to it.
 */
export const BASE_POLICY: Readonly<Record<string, ReadonlyArray<string>>> = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'"],
  'font-src': ["'self'"],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
};

/** One `Content-Security-Policy` value from its directives. */
export function policyText(directives: Readonly<Record<string, ReadonlyArray<string>>>): string {
  return Object.entries(directives)
    .map(([name, values]) => [name, ...values].join(' '))
    .join(';');
}

/**
 * The security headers of every answer. Helmet decides them, once, on a response that is never sent: they are the same
 * for all requests, and computing them each time costs more than the token.
 */
export function securityHeaders(issuer: string): ReadonlyArray<readonly [string, string]> {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  const apply = helmet({
    contentSecurityPolicy: false,
    strictTransportSecurity: issuer.startsWith('https:')
      ? { maxAge: STRICT_TRANSPORT_SECONDS, includeSubDomains: true }
      : false,
    // An application that signs in by a pop-up hears of the end through `window.opener`; any other policy cuts it for good.
    crossOriginOpenerPolicy: { policy: 'unsafe-none' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    referrerPolicy: { policy: 'no-referrer' },
    frameguard: { action: 'deny' },
  });
  apply(request, response, (error?: unknown) => {
    if (error !== undefined) throw error;
  });
  response.setHeader('Content-Security-Policy', policyText(BASE_POLICY));
  response.setHeader('Permissions-Policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()');
  return Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)] as const);
}

/**
 * Sets the security headers of every answer. Those that others change come first: the policy, which pages and the engine widen,
 * and `Cache-Control`, since whatever may be kept says so itself. The rest waits until the answer is made: the engine copies
 * all headers that there are, several times a request.
 */
export function withSecurityHeaders(headers: ReadonlyArray<readonly [string, string]>): Koa.Middleware {
  const policy = headers.find(([name]) => name.toLowerCase() === 'content-security-policy')?.[1] ?? '';
  const others = headers.filter(([name]) => name.toLowerCase() !== 'content-security-policy');
  return async (ctx, next) => {
    const { res } = ctx;
    res.setHeader('Content-Security-Policy', policy);
    res.setHeader('Cache-Control', 'no-store');
    await next();
    // X-Frame-Options has no way to name who may frame a page; the policy has, and one that does is not contradicted.
    const framed = !String(res.getHeader('Content-Security-Policy')).includes("frame-ancestors 'none'");
    for (const [name, value] of others) {
      if (!framed || name.toLowerCase() !== 'x-frame-options') res.setHeader(name, value);
    }
  };
}
