import type Koa from 'koa';
import { BASE_POLICY, policyText } from './security-headers.ts';

const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Where a page's form may end up. Chromium applies `form-action` to the whole redirect chain that follows a form, which
 * runs through the client's redirect URI and often beyond it to other addresses of that application; so any https
 * address is allowed, and loopback or a private-use scheme only for the client that registered one.
 */
export function formTargets(redirectUri: string | undefined): string[] {
  const url = redirectUri === undefined ? null : URL.parse(redirectUri);
  if (url === null) return ["'self'"];
  if (url.protocol === 'https:') return ["'self'", 'https:'];
  if (url.protocol === 'http:') {
    return LOOPBACK_HOSTS.has(url.hostname)
      ? ["'self'", 'https:', 'http://localhost:*', 'http://127.0.0.1:*', 'http://[::1]:*']
      : ["'self'", 'https:'];
  }
  return ["'self'", 'https:', url.protocol];
}

/** Widens this answer's `form-action` for forms that lead on to `redirectUri`. */
export function allowFormTargets(ctx: Koa.Context, redirectUri: string | undefined): void {
  ctx.set('Content-Security-Policy', policyText({ ...BASE_POLICY, 'form-action': formTargets(redirectUri) }));
}
