import type Koa from 'koa';
import type { FormTokens } from '../form-protection.ts';
import { languageSwitch } from '../language-switch.ts';
import { clientsOf, inLanguage } from './client-translations.ts';
import { pagePolicy } from './form-targets.ts';
import type { LanguageHints, PageLanguage } from './page-language.ts';
import type { Renderer } from './render.ts';
import type { Branding, PageName, ViewModels } from './view-models.ts';

/** Answers with a page, in the person's language, under the policy that its forms and images need. The caller sets the status. */
export type Draw = <Page extends PageName>(
  ctx: Koa.Context,
  page: Page,
  model: ViewModels[Page],
  options?: LanguageHints & { formsLeadTo?: string | readonly string[] | undefined },
) => void;

/** Draws with these templates, in the name of this installation and in its languages. */
export function createDraw(rooms: {
  branding: Branding;
  renderer: Renderer;
  language: PageLanguage;
  forms: FormTokens;
}): Draw {
  const { branding, renderer, language, forms } = rooms;
  return (ctx, page, model, options = {}) => {
    const locale = language.choose(ctx, options);
    const logos = clientsOf(inLanguage(model, locale)).map(({ logoUri }) => logoUri);
    ctx.set('Content-Security-Policy', pagePolicy(options.formsLeadTo, [branding.logoUrl, ...logos]));
    ctx.set('Cache-Control', 'no-store');
    ctx.set('Content-Language', locale);
    ctx.vary('Accept-Language, Cookie');
    ctx.type = 'text/html; charset=utf-8';
    // Koa answers 404 until there is a body; from here on the status is the page's.
    ctx.body = '';
    // Somebody whose account names a language changes it there.
    const isFixed = typeof options.accountLocale === 'string';
    ctx.body = renderer.render(page, model, {
      locale,
      languageSwitch: isFixed ? undefined : languageSwitch(ctx, forms),
    });
  };
}
