import type Koa from 'koa';
import { cookieName } from '../../provider/cookies.ts';
import { chooseLocale } from './locale.ts';

/** Where the language that somebody has chosen by hand is changed. */
export const LANGUAGE_PATH = '/language';

/** A year (ms), as long as browsers keep what a person wanted kept. */
const CHOICE_LIFETIME = 365 * 86_400_000;
/** For the pages of one log-out (ms): the engine carries no `ui_locales` through them. */
const LOGOUT_LIFETIME = 600_000;
const LOGOUT_PATH = '/session/end';

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** What is known of somebody's language besides their browser's own. */
export interface LanguageHints {
  /** `locale` of the account that is signed in; on its own pages and in its mails it comes first. */
  accountLocale?: unknown;
  /** `ui_locales` of the request that the page belongs to. */
  uiLocales?: unknown;
}

/** Chooses the language of each page and mail, and keeps it where the protocol does not. */
export interface PageLanguage {
  /**
   * In this order: the person's own setting, what they chose on a page of this browser, `ui_locales` of the request (OpenID
   * Connect Core section 3.1.2.1), `Accept-Language`, the configured default.
   */
  choose(ctx: Koa.Context, hints?: LanguageHints): string;
  /** Keeps what somebody chose by hand. False for a language that is not offered: nothing is kept. */
  keep(ctx: Koa.Context, locale: unknown): boolean;
}

/** @param locales those that are offered; the first is the default */
export function createPageLanguage(issuer: string, locales: readonly string[]): PageLanguage {
  const secure = issuer.startsWith('https:');
  const chosen = cookieName(issuer, 'language');
  const ofLogout = cookieName(issuer, 'logout-language', 'narrow');

  const kept = (ctx: Koa.Context, name: string): string | undefined => {
    const value = ctx.cookies.get(name, { signed: false });
    return value !== undefined && locales.includes(value) ? value : undefined;
  };

  function set(ctx: Koa.Context, name: string, value: string, path: string, maxAge: number): void {
    ctx.cookies.secure = secure;
    ctx.cookies.set(name, value, { httpOnly: true, sameSite: 'lax', signed: false, path, maxAge });
  }

  return {
    choose(ctx, { accountLocale, uiLocales } = {}) {
      const asked = textOf(uiLocales) ?? textOf(ctx.query.ui_locales);
      const wanted = [
        textOf(accountLocale)?.replace('_', '-'),
        kept(ctx, chosen),
        asked,
        kept(ctx, ofLogout),
      ];
      const locale = chooseLocale(
        wanted.filter((each) => each !== undefined).join(' '),
        ctx.get('Accept-Language'),
        locales,
      );
      if (asked !== undefined && ctx.path === LOGOUT_PATH && kept(ctx, ofLogout) !== locale)
        set(ctx, ofLogout, locale, LOGOUT_PATH, LOGOUT_LIFETIME);
      return locale;
    },

    keep(ctx, locale) {
      if (typeof locale !== 'string' || !locales.includes(locale)) return false;
      set(ctx, chosen, locale, '/', CHOICE_LIFETIME);
      return true;
    },
  };
}
