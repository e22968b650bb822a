import type Koa from 'koa';
import type { Configuration } from '../../config/configuration.ts';
import type { MailLinks } from '../authentication/mail-links.ts';
import { browserNonce, ensureBrowserNonce } from './browser-cookie.ts';
import type { FormProtection } from './interaction-pages.ts';
import { linkFormPurpose } from './mail-link-rooms.ts';

/** By which the browser is known that the page of a link is shown in. */
const NAME = 'link';

interface LinkRepeatRooms {
  configuration: Pick<Configuration, 'issuer'>;
  links: Pick<MailLinks, 'wasSpentBy'>;
  forms: FormProtection;
}

/** What tells a form that acts on a link from any other. */
export interface LinkUse {
  secret: string;
  /** What was typed into it. */
  typed?: readonly string[];
}

/** Knows the browser that a link's page is drawn for, so that its form can be told when it comes twice. */
export function knowLinkBrowser(
  ctx: Koa.Context,
  { configuration }: Pick<LinkRepeatRooms, 'configuration'>,
): void {
  ensureBrowserNonce(ctx, configuration.issuer, NAME);
}

/** The form as it was sent: from this browser, with what was typed. Undefined for a browser that keeps no cookies. */
export function sentForm(
  ctx: Koa.Context,
  { configuration }: Pick<LinkRepeatRooms, 'configuration'>,
  typed: readonly string[] = [],
): string | undefined {
  const nonce = browserNonce(ctx, configuration.issuer, NAME);
  return nonce === undefined ? undefined : JSON.stringify([nonce, ...typed]);
}

/**
 * Whether the link is used up because this very form was sent before, a moment ago: a double click, or a page that is loaded again. Its
 * answer is then that of the first. Never for another browser, nor when something else was typed: nobody could try by it what the first had chosen.
 */
export async function isRepeat(
  ctx: Koa.Context,
  rooms: LinkRepeatRooms,
  { secret, typed }: LinkUse,
): Promise<boolean> {
  const form = sentForm(ctx, rooms, typed);
  if (form === undefined || !rooms.forms.verify(ctx, linkFormPurpose(secret))) return false;
  return rooms.links.wasSpentBy(secret, form);
}
