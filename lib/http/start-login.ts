import type Koa from 'koa';
import type { Clients, StoredClient } from '../clients/clients.ts';
import { startUriOf } from './pages/mail-link-pages.ts';
import type { Pages } from './pages/pages.ts';

/** Where a portal sends a person who is to be signed in to an application. */
const START_LOGIN_PATH = '/start-login';
/** Characters of a hint that are passed on. */
const LONGEST_HINT = 200;
const LONGEST_TARGET = 2000;

/** Whether an address is of the application itself: of the origin of one of its redirect URIs. */
function belongsTo({ metadata }: StoredClient, target: string): boolean {
  const url = URL.parse(target);
  if (url === null || target.length > LONGEST_TARGET || !/^https?:$/.test(url.protocol)) return false;
  return metadata.redirect_uris.some((redirectUri) => new URL(redirectUri).origin === url.origin);
}

/**
 * Sign-in that a third party begins (OpenID Connect Core §4): `/start-login?client_id=…` leads to that application's
 * `initiate_login_uri` with `iss`, and with `login_hint` and `target_link_uri` where they are given. A target that is not of
 * the application is refused, so that neither it nor this server can be used to lead people elsewhere. Applications that nobody
 * here registered are not led to: whoever registers one chooses the address, and links to this server would lead anywhere
 * (RFC 9700 §4.11.2).
 */
export function withStartLogin(options: {
  clients: Clients;
  issuer: string;
  pages: Pick<Pages, 'problem'>;
}): Koa.Middleware {
  const { clients, issuer, pages } = options;

  function refuse(ctx: Koa.Context, status: number, description: string): void {
    ctx.status = status;
    pages.problem(ctx, { error: 'invalid_request', error_description: description });
  }

  return async (ctx, next) => {
    if (ctx.path !== START_LOGIN_PATH || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next();
    const { client_id: clientId, login_hint: hint = '', target_link_uri: target } = ctx.query;
    if ([clientId, hint, target].some(Array.isArray)) return refuse(ctx, 400, 'a parameter is there twice');
    const client = typeof clientId === 'string' ? await clients.find(clientId) : undefined;
    const start = startUriOf(client, issuer);
    if (client?.origin !== 'operator' || start === undefined) {
      return refuse(ctx, 404, 'no such application, or it has registered no initiate_login_uri');
    }
    const location = new URL(start);
    if (hint !== '' && hint.length <= LONGEST_HINT) location.searchParams.set('login_hint', String(hint));
    if (typeof target === 'string') {
      if (!belongsTo(client, target)) {
        return refuse(
          ctx,
          400,
          'target_link_uri must be of the origin of one of the application’s redirect URIs',
        );
      }
      location.searchParams.set('target_link_uri', target);
    }
    ctx.status = 303;
    ctx.redirect(location.href);
  };
}
