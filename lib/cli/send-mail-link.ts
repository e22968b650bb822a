import { type LinkPurpose, type MailLinkDetails, MailLinks } from '../authentication/mail-links.ts';
import { chooseLocale } from '../http/pages/locale.ts';
import { createMailTexts } from '../http/pages/mail-texts.ts';
import { openViews } from '../http/pages/open-views.ts';
import type { MailKind } from '../interactions/mail-link-pages.ts';
import { linkUrl } from '../interactions/mail-link-rooms.ts';
import { REGISTER_PATH } from '../interactions/registration.ts';
import { RESET_PATH } from '../interactions/reset.ts';
import { VERIFY_PATH } from '../interactions/verification.ts';
import { openDelivery } from '../mail/mail.ts';
import { type CommandResult, done, refused } from './command-result.ts';
import type { OperatorRooms } from './operator-rooms.ts';
import { formatTime } from './table.ts';

/** The mails that an operator can have sent. */
type LinkMailKind = Extract<MailKind, 'invitation' | 'verify-email' | 'reset'>;

/** A mail with a link: to whom, in which language if not the installation's default, and what the link is for (seconds). */
export interface LinkMail<Purpose extends LinkPurpose> {
  kind: LinkMailKind;
  to: string;
  locale: string | undefined;
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
  { kind, to, locale, link }: LinkMail<Purpose>,
): Promise<CommandResult> {
  const { branding, issuer } = configuration;
  const { renderer } = openViews(configuration);
  const texts = createMailTexts({ branding, renderer });
  const secret = await new MailLinks(database).create(link);
  const url = linkUrl(issuer, PATHS[kind], secret);
  const language = chooseLocale(locale, undefined, renderer.locales);
  const delivery = openDelivery(configuration);
  try {
    await delivery.deliver({ to, ...texts.compose(kind, language, { url, seconds: link.seconds }) });
  } catch (error) {
    const { code = 'unknown', originalCode = code, responseCode } = error as Record<string, unknown>;
    const said = responseCode === undefined ? '' : `, the server said ${String(responseCode)}`;
    return refused('mail_not_sent', `the mail was not taken (${String(originalCode)}${said}): see smtp_url`);
  } finally {
    delivery.close();
  }
  const expiresAt = formatTime(database.now() + link.seconds * 1000);
  // The link itself is for whoever reads the mailbox: that is what it proves.
  return done({ sent_to: to, expires_at: expiresAt }, `sent to ${to}; the link is good until ${expiresAt}`);
}
