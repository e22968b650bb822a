import type Koa from 'koa';
import type { FormTokens } from './form-protection.ts';
import { LANGUAGE_PATH, type PageLanguage } from './pages/page-language.ts';
import type { LanguageSwitchView } from './pages/view-parts.ts';

/**
 * What the language form carries. Anybody can fetch it: nothing but the origin of the post protects the form (see FormTokens),
 * and nothing but the language of a page is at stake.
 */
const PURPOSE = 'language';

/**
 * The form on a page; none on one that answers a form, which going elsewhere would lose, nor on one that tells an error, which repeats
 * nothing of its address. The caller has set the status.
 */
export function languageSwitch(ctx: Koa.Context, forms: FormTokens): LanguageSwitchView | undefined {
  if ((ctx.method !== 'GET' && ctx.method !== 'HEAD') || ctx.status >= 400) return undefined;
  return { action: LANGUAGE_PATH, csrfToken: forms.tokenFor(PURPOSE), returnTo: `${ctx.path}${ctx.search}` };
}

/** `POST /language`: keeps the choice, and leads back to the page that it was made on, which is always one of ours. */
export function withLanguageSwitch(rooms: {
  issuer: string;
  forms: FormTokens;
  language: PageLanguage;
  pages: { problem(ctx: Koa.Context, problem: { error: string; error_description?: string }): void };
}): Koa.Middleware {
  const { issuer, forms, language, pages } = rooms;
  return async (ctx, next) => {
    if (ctx.path !== LANGUAGE_PATH || ctx.method !== 'POST') return next();
    const { language: locale, return_to: returnTo } = (ctx.request as { body?: Record<string, unknown> })
      .body as Record<string, unknown>;
    if (!forms.verify(ctx, PURPOSE)) {
      ctx.status = 422;
      pages.problem(ctx, { error: 'form_rejected' });
      return;
    }
    if (!language.keep(ctx, locale)) {
      ctx.status = 400;
      pages.problem(ctx, { error: 'invalid_request', error_description: 'there is no such language' });
      return;
    }
    ctx.set('Cache-Control', 'no-store');
    ctx.redirect(ownPath(issuer, returnTo));
    ctx.status = 303;
  };
}

/** Path and query of an address of ours; the start page for anything else. Browsers read `//` and `\` as another host. */
function ownPath(issuer: string, value: unknown): string {
  const url = typeof value === 'string' && value.startsWith('/') ? URL.parse(value, issuer) : null;
  if (url === null || url.origin !== new URL(issuer).origin) return '/';
  const path = `${url.pathname}${url.search}`;
  return path.startsWith('//') ? '/' : path;
}
