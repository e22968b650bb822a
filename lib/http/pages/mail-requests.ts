import type { Configuration } from '../../../config/configuration.ts';
import type { AccountAdapter } from '../../accounts/account-adapter.ts';
import type { MailTexts } from '../../interactions/mail-link-pages.ts';
import type { Mail } from '../../mail/mail.ts';
import type { Deliver } from '../../notifications/notification-delivery.ts';
import { deliverByMail, REQUESTS_PATH } from '../../provider/devices/ciba.ts';

/** Mails people that a sign-in waits for their answer. Nothing in it is what the application said: anybody could be mailed anything. */
export function mailRequests(rooms: {
  configuration: Configuration;
  accounts: AccountAdapter;
  mail: Mail;
  mailTexts: MailTexts;
}): Deliver {
  const { configuration, accounts, mail, mailTexts } = rooms;
  return deliverByMail(accounts, (to, { locale, expiresAt }) =>
    mail.send(() => ({
      to,
      ...mailTexts.compose('sign-in-request', mailTexts.localeFor(undefined, locale), {
        at: expiresAt,
        url: `${configuration.issuer}${REQUESTS_PATH}`,
      }),
    })),
  );
}
