import type { Configuration } from '../../../config/configuration.ts';
import type { MailTexts } from '../../interactions/mail-link-pages.ts';
import { accentFor } from './accent-color.ts';
import { chooseLocale } from './locale.ts';
import type { PageLanguage } from './page-language.ts';
import type { Renderer } from './render.ts';

/**
 * Writes mails, in HTML and in plain text, from the catalogue that pages have. Nothing in them was chosen by an application or by
 * whoever asked for the mail: what strangers can have sent to others carries no message of theirs.
 */
export function createMailTexts(options: {
  branding: Configuration['branding'];
  renderer: Renderer;
  /** The language of requests; mails that nobody asks for by one do without. */
  language?: PageLanguage | undefined;
}): MailTexts {
  const { branding, renderer, language } = options;
  const { accent, onAccent } = accentFor(branding.accentColor).light;
  return {
    localeFor(ctx, accountLocale, uiLocales) {
      if (ctx !== undefined && language !== undefined)
        return language.choose(ctx, { accountLocale, uiLocales });
      const wanted = typeof accountLocale === 'string' ? accountLocale.replace('_', '-') : undefined;
      return chooseLocale(wanted, undefined, renderer.locales);
    },

    compose(kind, locale, details = { at: Date.now() }) {
      const link = 'url' in details ? details : undefined;
      const messages = renderer.messages(locale);
      const subject = messages.plain(`mail.${kind}.subject`);
      const until = 'seconds' in details ? momentIn(locale, Date.now() + details.seconds * 1000) : undefined;
      const paragraphs = [
        messages.plain(`mail.${kind}.text`, 'at' in details ? { time: momentIn(locale, details.at) } : {}),
        ...('code' in details ? [details.code] : []),
        ...(until === undefined ? [] : [messages.plain('mail.once', { time: until })]),
        messages.plain(`mail.${kind}.note`),
      ];
      const footer = messages.plain('mail.footer', { brand: branding.name });
      const text = [
        ...(link === undefined ? paragraphs : withLink(paragraphs, link.url)),
        '-- ',
        footer,
      ].join('\n\n');
      const html = renderer.renderMail(
        {
          subject,
          paragraphs,
          link:
            link === undefined
              ? undefined
              : {
                  url: link.url,
                  label: messages.plain(`mail.${kind}.button`),
                  instead: messages.plain('mail.instead'),
                },
          footer,
          accentColor: accent,
          accentText: onAccent,
        },
        { locale },
      );
      return { subject, text: `${text}\n`, html };
    },
  };
}

function withLink([first = '', ...rest]: string[], url: string): string[] {
  return [first, url, ...rest];
}

function momentIn(locale: string, milliseconds: number): string {
  const format = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });
  return `${format.format(milliseconds)} UTC`;
}
