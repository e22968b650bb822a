import type Koa from 'koa';
import { prefersPage } from './error-boundary.ts';
import { FORM_STEPS, SHOWN_STEPS } from './interaction-steps.ts';
import type { Pages } from './pages/pages.ts';

/**
 * The paths we have and their methods, as they are spelled (RFC 3986 §6.2.2.1: case counts): for telling "no such page" from "not with
 * this method" (RFC 9110 §15.5.6), and for what the engine may see.
 */
const METHODS_BY_PATH: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /^\/(token|backchannel|introspection|request|challenge|reg|language|token\/revocation|session\/end\/confirm|device\/auth|upstream\/[^/]+\/logout)$/,
    'POST',
  ],
  [new RegExp(`^/interaction/[^/]+/(${FORM_STEPS.join('|')})$`), 'GET, HEAD, POST'],
  [new RegExp(`^/interaction/[^/]+/(${SHOWN_STEPS.join('|')})$`), 'GET, HEAD'],
  [/^\/(reset-password|register|verify-email)$/, 'GET, HEAD, POST'],
  [/^\/(reset-password|register|verify-email)\/done$/, 'GET, HEAD'],
  [
    /^\/account\/(profile|password|email(\/(confirm|verify))?|delete|sessions\/end(-others)?|applications\/remove|requests\/(approve|deny))$/,
    'GET, HEAD, POST',
  ],
  [
    /^\/account\/(passkeys\/(options|add|rename|remove)|identities\/(connect|unlink)|two-step\/(app|remove-app|recovery-codes|forget))$/,
    'GET, HEAD, POST',
  ],
  [
    /^\/account(\/(passkeys|identities(\/answer)?|two-step|sessions|applications|requests|activity|data(\/export)?|signed-in|(email\/confirm|delete)\/done))?$/,
    'GET, HEAD',
  ],
  [/^\/(auth|session\/end|me|device)$/, 'GET, HEAD, POST'],
  [/^\/reg\/[^/]+$/, 'GET, PUT, DELETE'],
  [
    /^\/(auth\/[^/]+|device\/[^/]+|upstream\/[^/]+\/(callback|sign-out|signed-out)|jwks|session\/(end\/success|check)|start-login|\.well-known\/[\w-]+|token-status-lists\/[\w-]+\/[\w-]+|interaction\/[^/]+)?$/,
    'GET, HEAD',
  ],
];

/** What people type from a screen or a letter (RFC 8628 §3.3), on keyboards that begin with a capital. */
const TYPED_PATHS: ReadonlySet<string> = new Set(['/device', '/account']);

/** A path of ours. */
function entryOf(path: string): readonly [RegExp, string] | undefined {
  return METHODS_BY_PATH.find(([pattern]) => pattern.test(path));
}

/**
 * Lets nobody further down the list see a path that is none of ours, and answers what nobody did. The routers take `/TOKEN` and
 * `/token/` for `/token`, and what is decided elsewhere by a path would not be decided for them.
 */
export function withUnknownPaths(pages: Pages): Koa.Middleware {
  return async (ctx, next) => {
    const known = entryOf(ctx.path);
    if (known !== undefined) await next();
    if (ctx.status !== 404 || ctx.body != null) return;
    const typed = ctx.path.toLowerCase().replace(/\/$/, '');
    if (ctx.path !== typed && TYPED_PATHS.has(typed) && ctx.method === 'GET' && prefersPage(ctx)) {
      ctx.status = 308;
      ctx.redirect(`${typed}${ctx.search}`);
      return;
    }
    const wrongMethod = known !== undefined && !known[1].split(', ').includes(ctx.method);
    ctx.status = wrongMethod ? 405 : 404;
    if (wrongMethod) ctx.set('Allow', known[1]);
    const error = wrongMethod ? 'method_not_allowed' : 'not_found';
    const description = wrongMethod
      ? `${ctx.method} is not possible here`
      : 'there is nothing at this address';
    if (prefersPage(ctx)) pages.problem(ctx, { error, error_description: description });
    else ctx.body = { error, error_description: description };
  };
}
