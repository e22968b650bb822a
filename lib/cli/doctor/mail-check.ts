import { isLoopbackHost } from '../../../config/loopback.ts';
import { outboxOf, tryMailServer } from '../../mail/mail.ts';
import { type Check, fine, problem, warning } from './finding.ts';

/** Whether mail to people would leave: the server answers, is who it should be, and lets us in. Nothing is sent. */
export const mailCheck: Check = async ({ configuration: { smtpUrl, issuer, dataDir } }) => {
  if (smtpUrl === undefined) {
    const message = `smtp_url is not set: mail to people becomes files in ${outboxOf({ dataDir })}`;
    return isLoopbackHost(new URL(issuer).hostname)
      ? [fine('mail', message)]
      : [warning('mail', message, 'set LATCHKEY_SMTP_URL (or its _FILE), or see that nobody waits for mail')];
  }
  try {
    await tryMailServer(smtpUrl);
    return [fine('mail', 'the mail server of smtp_url answers and lets Latchkey in')];
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return [
      problem(
        'mail',
        `the mail server of smtp_url cannot be used: ${words}`,
        'look at smtp_url and the way there: until then no link to reset a password or to confirm an address arrives',
      ),
    ];
  }
};
