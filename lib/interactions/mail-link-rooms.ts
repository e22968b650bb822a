import type Koa from 'koa';
import type { Configuration } from '../../config/configuration.ts';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import type { KnownBrowsers } from '../authentication/known-browsers.ts';
import type { LinkOrigin, MailLinks } from '../authentication/mail-links.ts';
import type { SecondFactors } from '../authentication/second-factors/second-factors.ts';
import type { MailLinkThrottle } from '../authentication/throttling/mail-link-throttle.ts';
import type { Grants } from '../grants/grants.ts';
import type { Mail } from '../mail/mail.ts';
import type { Events } from '../observability/events.ts';
import type { InteractionDesk, PendingInteraction } from '../provider/sign-in/interaction.ts';
import type { FormProtection, InteractionPages } from './interaction-pages.ts';
import type { AskProblem } from './mail-link-outcomes.ts';
import type { MailLinkPages, MailTexts } from './mail-link-pages.ts';
import type { PendingIdentities } from './pending-identity.ts';

/** What the steps around mailed links work with. */
export interface MailLinkRooms {
  configuration: Pick<Configuration, 'issuer' | 'lifetimes' | 'registration' | 'secondFactor'>;
  desk: InteractionDesk;
  accounts: AccountAdapter;
  links: MailLinks;
  linkThrottle: MailLinkThrottle;
  secondFactors: SecondFactors;
  knownBrowsers: KnownBrowsers;
  mail: Mail;
  mailTexts: MailTexts;
  pages: InteractionPages & MailLinkPages;
  forms: FormProtection;
  grants: Grants;
  events: Events;
  /** Undefined while nobody signs in at other providers. */
  pendingIdentities: PendingIdentities | undefined;
}

/** What a form that acts on a link is protected by: only its holder knows it. */
export const linkFormPurpose = (secret: string): string => `link:${secret}`;

/** Where an interaction's person goes on. */
export function originOf({ uid, client }: PendingInteraction): LinkOrigin {
  return { uid, clientId: client.clientId };
}

/** An address of a page around a link, with the application that the person came from, if it is known. */
export function atClient(path: string, clientId: string | undefined): string {
  return clientId === undefined || clientId === ''
    ? path
    : `${path}?client_id=${encodeURIComponent(clientId)}`;
}

/** The address of a page with a link's random part, for a mail. */
export function linkUrl(issuer: string, path: string, secret: string): string {
  return `${issuer}${path}?link=${secret}`;
}

/**
 * Whether a mail may be caused to this recipient now, and if not, what the person is told. `quiet`: the answer is the same as ever and nothing
 * is sent. Emits attempt.throttled.
 */
export async function admitMail(
  rooms: Pick<MailLinkRooms, 'linkThrottle' | 'events'>,
  ctx: Koa.Context,
  recipient: string,
): Promise<'send' | 'quiet' | Extract<AskProblem, { kind: 'throttled' | 'unavailable' }>> {
  const admittance = await rooms.linkThrottle.admit(recipient, ctx.ip);
  switch (admittance.outcome) {
    case 'admitted':
      return 'send';
    case 'recipient_full':
      rooms.events.emit('attempt.throttled', { kind: 'mail_recipient', address: ctx.ip });
      return 'quiet';
    case 'throttled':
      rooms.events.emit('attempt.throttled', { kind: 'mail', address: ctx.ip });
      return { kind: 'throttled', retryAfter: admittance.retryAfter };
    case 'unavailable':
      return { kind: 'unavailable' };
    default:
      return admittance satisfies never;
  }
}
