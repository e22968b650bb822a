/**
 * Mail to people. This room owns how a message leaves: by SMTP (RFC 5321, RFC 8314), or as a file of the outbox where no server
 * is configured. Handing a message over never fails and never makes a request wait; what could not be delivered after bounded
 * attempts is told in the log. It refuses more waiting messages than it can hold, and recipients that are not one plain
 * address (mail-address.ts). It writes no texts and knows no people.
 */
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.ts';
import { mailSender } from '../../config/mail-sender.ts';
import { parseSmtpUrl, type SmtpAddress } from '../../config/smtp-url.ts';
import type { Log } from '../observability/log.ts';
import type { Delivery, Mail, Sender } from './mail-message.ts';
import { MailQueue, type QueueLimits } from './mail-queue.ts';

export type { Mail } from './mail-message.ts';

type MailConfiguration = Pick<Configuration, 'smtpUrl' | 'mail' | 'issuer' | 'dataDir' | 'branding'>;

/** Where mail becomes files while no mail server is configured. */
export function outboxOf({ dataDir }: Pick<Configuration, 'dataDir'>): string {
  return join(dataDir, 'outbox');
}

/** The way that the configuration names, for whoever waits to hear whether a message was taken. */
export function openDelivery(configuration: MailConfiguration): Delivery {
  const sender = senderOf(configuration);
  const { smtpUrl, dataDir } = configuration;
  if (smtpUrl === undefined) {
    return openedByFirst(async () =>
      (await import('./outbox.ts')).deliverToOutbox(outboxOf({ dataDir }), sender),
    );
  }
  const address = addressOf(smtpUrl);
  return openedByFirst(async () => (await import('./smtp-delivery.ts')).deliverBySmtp(address, sender));
}

/** Connects to the mail server and signs in there, without a message. Rejects with what it came upon. */
export async function tryMailServer(smtpUrl: string): Promise<void> {
  const { trySmtp } = await import('./smtp-delivery.ts');
  await trySmtp(addressOf(smtpUrl));
}

function addressOf(smtpUrl: string): SmtpAddress {
  const address = parseSmtpUrl(smtpUrl);
  if (typeof address === 'string') throw new TypeError(`the SMTP URL ${address}`);
  return address;
}

/** A delivery that is opened by its first message: its library is large, and many a process never sends one. */
function openedByFirst(open: () => Promise<Delivery>): Delivery {
  let opened: Promise<Delivery> | undefined;
  return {
    deliver: async (message) => {
      opened ??= open();
      await (await opened).deliver(message);
    },
    close: () => void opened?.then((delivery) => delivery.close()),
  };
}

/** The same behind a queue, for whoever does not. `limits` are for tests. */
export function openMail(options: {
  configuration: MailConfiguration;
  log: Log;
  limits?: Partial<QueueLimits>;
}): Mail {
  if (options.configuration.smtpUrl === undefined) {
    options.log.info('smtp_url is not set: mail becomes files in the outbox of the data directory');
  }
  return new MailQueue(openDelivery(options.configuration), options.log, options.limits);
}

function senderOf({ mail, branding, issuer }: MailConfiguration): Sender {
  const given = mail.from === undefined ? undefined : mailSender(mail.from);
  if (typeof given === 'string') throw new TypeError(`mail.from ${given}`);
  return { name: branding.name, address: `no-reply@${new URL(issuer).hostname}`, ...given };
}
