import type Koa from 'koa';
import { prefersPage } from './error-boundary.ts';
import { FORM_STEPS, SHOWN_STEPS } from './interaction-steps.ts';
import type { Pages } from './pages/pages.ts';

/** Methods of the paths we have, for telling "no such page" from "not with this method" (RFC 9110 §15.5.6). */
const METHODS_BY_PATH: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /^\/(token|backchannel|introspection|request|language|token\/revocation|session\/end\/confirm|device\/auth|upstream\/[^/]+\/logout)$/,
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
  [
    /^\/(auth\/[^/]+|device\/[^/]+|upstream\/[^/]+\/(callback|sign-out|signed-out)|jwks|session\/(end\/success|check)|start-login|\.well-known\/[\w-]+|token-status-lists\/[\w-]+\/[\w-]+|interaction\/[^/]+)?$/,
    'GET, HEAD',
  ],
];

/** Answers when nobody further down the list did. */
export function withUnknownPaths(pages: Pages): Koa.Middleware {
  return async (ctx, next) => {
    await next();
    if (ctx.status !== 404 || ctx.body != null) return;
    const known = METHODS_BY_PATH.find(([pattern]) => pattern.test(ctx.path));
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
