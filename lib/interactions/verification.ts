import type Koa from 'koa';
import { isRepeat, knowLinkBrowser, sentForm } from './link-repeat.ts';
import { linkFormPurpose, type MailLinkRooms } from './mail-link-rooms.ts';
import { fieldsOf, seeOther, text } from './pending-step.ts';

/** Where the link of a mail leads. */
export const VERIFY_PATH = '/verify-email';

/** How somebody confirms that an address is theirs: follow the link of a mail, and press its page's button. */
export interface VerificationSteps {
  show(ctx: Koa.Context): Promise<void>;
  confirm(ctx: Koa.Context): Promise<void>;
}

/** Confirmation of the address that an account has; it says nothing of an address that the account had, or will have. */
export function verificationSteps(
  rooms: Pick<MailLinkRooms, 'configuration' | 'accounts' | 'links' | 'pages' | 'forms'>,
): VerificationSteps {
  const { accounts, links, pages, forms } = rooms;

  const done = (ctx: Koa.Context): void => seeOther(ctx, `${VERIFY_PATH}/done`);

  async function expired(ctx: Koa.Context): Promise<void> {
    ctx.status = 410;
    await pages.linkResult(ctx, 'expired');
  }

  return {
    async show(ctx) {
      const secret = text(ctx.query.link);
      const found = await links.find('verify-email', secret);
      if (found === undefined) {
        await expired(ctx);
        return;
      }
      knowLinkBrowser(ctx, rooms);
      pages.verifyEmail(ctx, { action: VERIFY_PATH, secret, email: found.details.email });
    },

    async confirm(ctx) {
      const secret = text(fieldsOf(ctx).link);
      const found = await links.find('verify-email', secret);
      if (found?.account === undefined) {
        if (await isRepeat(ctx, rooms, { secret })) done(ctx);
        else await expired(ctx);
        return;
      }
      const { email } = found.details;
      if (!forms.verify(ctx, linkFormPurpose(secret))) {
        ctx.status = 403;
        pages.verifyEmail(ctx, { action: VERIFY_PATH, secret, email, problem: { kind: 'form-rejected' } });
        return;
      }
      const update = await accounts.directory?.verifyEmail(found.account, email, (transaction, now) =>
        links.spend('verify-email', secret, transaction, now, sentForm(ctx, rooms)),
      );
      if (update?.outcome === 'updated' || (await isRepeat(ctx, rooms, { secret }))) done(ctx);
      else await expired(ctx);
    },
  };
}
