import { type LinkPurpose, type MailLinkDetails, MailLinks } from '../authentication/mail-links.ts';
import { chooseLocale, findLocale } from '../http/pages/locale.ts';
import { createMailTexts } from '../http/pages/mail-texts.ts';
import { openViews } from '../http/pages/open-views.ts';
import type { MailKind } from '../interactions/mail-link-pages.ts';
import { linkUrl } from '../interactions/mail-link-rooms.ts';
import { REGISTER_PATH } from '../interactions/registration.ts';
import { RESET_PATH } from '../interactions/reset.ts';
import { VERIFY_PATH } from '../interactions/verification.ts';
import { openDelivery, outboxOf } from '../mail/mail.ts';
import { type CommandResult, done, refused } from './command-result.ts';
import type { OperatorRooms } from './operator-rooms.ts';
import { formatTime } from './table.ts';

/** The mails that an operator can have sent. */
type LinkMailKind = Extract<MailKind, 'invitation' | 'verify-email' | 'reset'>;

/**
 * A mail with a link: to whom, in which language (the one that was asked for, else the person's own, else the installation's default), and what
 * the link is for (seconds).
 */
export interface LinkMail<Purpose extends LinkPurpose> {
  kind: LinkMailKind;
  to: string;
  language: string | undefined;
  locale?: string | undefined;
  link: { purpose: Purpose; account?: string; details: MailLinkDetails[Purpose]; seconds: number };
}

const PATHS: Record<LinkMailKind, string> = {
  invitation: REGISTER_PATH,
  'verify-email': VERIFY_PATH,
  reset: RESET_PATH,
};

/** Sends the mail at once; refuses with a reason when the mail server does not take it. */
export async function sendMailLink<Purpose extends LinkPurpose>(
  { configuration, database }: OperatorRooms,
  { kind, to, language: asked, locale, link }: LinkMail<Purpose>,
): Promise<CommandResult> {
  const { branding, issuer } = configuration;
  const { renderer } = openViews(configuration);
  const texts = createMailTexts({ branding, renderer });
  const { locales } = renderer;
  const language =
    asked === undefined ? chooseLocale(locale, undefined, locales) : findLocale(asked, locales);
  if (language === undefined) {
    return refused('unknown_language', `there are no texts in ${asked}: there are in ${locales.join(', ')}`);
  }
  const secret = await new MailLinks(database).create(link);
  const url = linkUrl(issuer, PATHS[kind], secret);
  const delivery = openDelivery(configuration);
  try {
    await delivery.deliver({ to, ...texts.compose(kind, language, { url, seconds: link.seconds }) });
  } catch (error) {
    const place = configuration.smtpUrl === undefined ? outboxOf(configuration) : 'smtp_url';
    const { code = 'unknown', originalCode = code, responseCode } = error as Record<string, unknown>;
    const said = responseCode === undefined ? '' : `, the server said ${String(responseCode)}`;
    return refused('mail_not_sent', `the mail was not taken (${String(originalCode)}${said}): see ${place}`);
  } finally {
    delivery.close();
  }
  const expiresAt = formatTime(database.now() + link.seconds * 1000);
  // The link itself is for whoever reads the mailbox: that is what it proves.
  return done({ sent_to: to, expires_at: expiresAt }, `sent to ${to}; the link is good until ${expiresAt}`);
}
