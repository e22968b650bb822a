/**
 * Turns a view model into a page. Templates and texts are read at start, each is compiled once, and rendering is
 * synchronous. What a template prints is escaped unless it was made safe by the message catalogue; a
 * page never sees configuration, requests or errors, only its view model.
 *
 * Templates are programs: an operator's `viewsDir` is trusted as much as the configuration file is.
 */
import { Eta, type TemplateFunction } from 'eta/core';
import type { Configuration } from '../../../config/configuration.ts';
import { LANGUAGE_SWITCH_SAMPLE } from '../samples/frame-samples.ts';
import { MAIL_SAMPLE } from '../samples/mail-link-samples.ts';
import { PAGE_SAMPLES } from '../samples/page-samples.ts';
import { accountWords, languageName } from './account-words.ts';
import { inLanguage } from './client-translations.ts';
import { isolatedText, printValue, webUrl } from './html.ts';
import { chooseLocale, directionOf } from './locale.ts';
import type { MailView } from './mail-link-views.ts';
import {
  type Catalogue,
  createMessages,
  loadCatalogues,
  type Messages,
  offeredLocales,
  SOURCE_LOCALE,
} from './messages.ts';
import { accentSheetUrl, type StaticAssets, VIEWS_FOLDER } from './static-assets.ts';
import { readTemplates, type Template } from './templates.ts';
import {
  type Branding,
  type ExpiredView,
  PAGE_NAMES,
  type PageName,
  VIEW_MODEL_VERSION,
  type ViewModels,
} from './view-models.ts';
import type { LanguageSwitchView } from './view-parts.ts';

export interface Renderer {
  /** The languages there are; the first is the fallback. For `chooseLocale`. */
  locales: readonly string[];
  /**
   * The whole page, an HTML document whose `<body data-page>` is `page`.
   * @param options.locale one of `locales`; any other gives the fallback
   * @param options.languageSwitch the form by which another language is chosen; without it there is none
   * @throws {Error} naming the template, when it prints something that its view model does not have
   */
  render<Page extends PageName>(
    page: Page,
    model: ViewModels[Page],
    options: { locale: string; languageSwitch?: LanguageSwitchView | undefined },
  ): string;
  /** A mail's HTML part, by the template `mail`; its texts are made with `messages`. */
  renderMail(model: MailView, options: { locale: string }): string;
  /** The texts of a language; of the fallback for any that is not there. */
  messages(locale: string): Messages;
}

/**
 * Reads all templates. Those in `viewsDir` replace shipped ones of the same path (`pages/login.eta`), texts in
 * `viewsDir/messages/<language>.json` replace texts of the same key; replaced pages are rendered once with samples.
 * @throws {Error} naming the file, when an override does not compile, does not render or replaces nothing
 */
export function createRenderer(options: {
  branding: Branding;
  assets: StaticAssets;
  viewsDir?: string | undefined;
  /** Which languages there are; without it all that have texts, English first. */
  languages?: Configuration['languages'] | undefined;
}): Renderer {
  const { branding, assets, viewsDir } = options;
  const catalogues = loadCatalogues(VIEWS_FOLDER, viewsDir);
  const locales = offeredLocales([...catalogues.keys()], options.languages);
  const texts = new Map(
    locales.map((locale) => [locale, createMessages(locale, catalogues.get(locale) as Catalogue)]),
  );
  const choices = locales.map((locale) => ({ locale, name: languageName(locale) }));
  const languages = new Map(
    Array.from(texts, ([locale, messages]) => [
      locale,
      {
        locale,
        direction: directionOf(locale),
        ...helpersFor(locale, messages),
        ...accountWords(locale, messages),
      },
    ]),
  );
  const fallbackLocale = locales[0] as string;
  const fallback = languages.get(fallbackLocale);
  const eta = new Eta({ escapeFunction: printValue });
  const templates = readTemplates(VIEWS_FOLDER, viewsDir);
  for (const template of templates) eta.loadTemplate(`@${template.name}`, compile(eta, template));

  const render: Renderer['render'] = (page, model, { locale, languageSwitch }) =>
    eta.render(`@pages/${page}`, {
      page,
      model: inLanguage(model, locale),
      version: VIEW_MODEL_VERSION,
      branding,
      languages: choices,
      languageSwitch,
      asset: assets.assetUrl,
      accentSheet: accentSheetUrl,
      link: webUrl,
      isolated: isolatedText,
      ...(languages.get(locale) ?? fallback),
    });

  const renderMail: Renderer['renderMail'] = (model, { locale }) =>
    eta.render('@mail', { model, branding, ...(languages.get(locale) ?? fallback) });

  if (templates.some(({ name, override }) => override && name === 'mail')) {
    renderMail(MAIL_SAMPLE, { locale: fallbackLocale });
  }
  const shellReplaced = templates.some(({ name, override }) => override && !name.startsWith('pages/'));
  for (const page of PAGE_NAMES) {
    if (!shellReplaced && !templates.some(({ name, override }) => override && name === `pages/${page}`))
      continue;
    for (const sample of Object.values(PAGE_SAMPLES[page]))
      render(page, sample as never, { locale: fallbackLocale, languageSwitch: LANGUAGE_SWITCH_SAMPLE });
  }
  return {
    locales: [...languages.keys()],
    render,
    renderMail,
    messages: (locale) => (texts.get(locale) ?? texts.get(fallbackLocale)) as Messages,
  };
}

/** Eta tells a mistake of syntax in lines, and after a rule what it had made of the template. */
function firstWords(message: string): string {
  const [told = ''] = message.split(/\n=+\n/, 1);
  return told.split(/\s*\n\s*/).join(': ');
}

/** An error in a template, named by its file; templates include one another, and the innermost one is to blame. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  constructor(file: string, cause: unknown) {
    super(`${file}: ${cause instanceof Error ? firstWords(cause.message) : cause}`, { cause });
  }
}

/** An override is compiled now, so that its author hears of a mistake at the start; a shipped one when it is first printed. */
function compile(eta: Eta, { file, source, override }: Template): TemplateFunction {
  const blaming = <Result>(work: () => Result): Result => {
    try {
      return work();
    } catch (error) {
      throw error instanceof TemplateError ? error : new TemplateError(file, error);
    }
  };
  const compiled = (): TemplateFunction => blaming(() => eta.compile(source));
  let template = override ? compiled() : undefined;
  return function (this: Eta, data, options) {
    template ??= compiled();
    const print = template;
    return blaming(() => print.call(this, data, options));
  };
}

/** What templates may ask for beside their model, in one language. */
function helpersFor(locale: string, messages: Messages) {
  return {
    t: messages.html,
    translated: (texts: Readonly<Record<string, string>>) => {
      const there = Object.keys(texts);
      return texts[
        chooseLocale(locale, undefined, there.includes(SOURCE_LOCALE) ? [SOURCE_LOCALE, ...there] : there)
      ];
    },
    text: messages.text,
    plural: messages.plural,
    minutes: (seconds: number) => messages.plural('duration.minutes', Math.max(1, Math.ceil(seconds / 60))),
    scope: (name: string) =>
      messages.has(`scope.${name}`)
        ? messages.html(`scope.${name}`)
        : messages.html('consent.other-scope', { name }),
    claim: (name: string) =>
      messages.has(`claim.${name}`)
        ? messages.html(`claim.${name}`)
        : messages.html('consent.other-claim', { name }),
    errorKey: (error: string, status: number) => {
      if (messages.has(`error.${error}.title`)) return `error.${error}`;
      return status >= 500 ? 'error.server_error' : 'error.invalid_request';
    },
    passwordProblem: (rule: string, minimumLength: number) => {
      if (rule === 'too_short') return messages.plural('password.short', minimumLength);
      return messages.html(messages.has(`password.${rule}`) ? `password.${rule}` : 'password.other');
    },
    destination,
    monogram,
    // Anybody can have such a page name any application: where nobody vouches for one, it leads nowhere (RFC 9700 §4.11.2).
    returnUrl: ({ startUri, client }: Pick<ExpiredView, 'startUri' | 'client'>) =>
      client?.unverified === undefined ? (webUrl(startUri) ?? webUrl(client?.uri)) : undefined,
  };
}

/** The host that a redirect URI names, or undefined when it leads to an app on the person's own device (RFC 8252). */
function destination(redirectUri: string): string | undefined {
  const url = URL.parse(webUrl(redirectUri) ?? '');
  return url === null || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname) ? undefined : url.host;
}

/** The first letter or digit of a name, in place of a logo; undefined for a name that begins with something else. */
function monogram(name: string): string | undefined {
  return /^\s*([\p{L}\p{N}])/u.exec(name)?.[1]?.toUpperCase();
}
