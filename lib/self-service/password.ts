import type Koa from 'koa';
import type { Configuration } from '../../config/configuration.ts';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import type { PasswordSignIn } from '../authentication/passwords/password-sign-in.ts';
import { isFresh } from '../authentication/recent-proof.ts';
import { knownByBrowser } from '../interactions/known-browser.ts';
import { fieldsOf, text } from '../interactions/pending-step.ts';
import type { AccountPages, AccountProblem } from './account-pages.ts';
import { doneAt, type OwnPageRooms, type OwnPages, type Show, showProblem } from './own-page.ts';
import { afterSecurityChange, type SecurityChangeRooms } from './security-change.ts';
import { type SignedInPerson, signedInPerson } from './signed-in-person.ts';

const PASSWORD_PATH = '/account/password';

/** What the change of a password works with. */
export interface PasswordRooms extends SecurityChangeRooms, OwnPageRooms {
  configuration: Pick<Configuration, 'issuer'>;
  accounts: AccountAdapter;
  signIn: PasswordSignIn;
  pages: AccountPages;
}

/**
 * A person changes their password (ASVS 5.0 V6.2.2 and V6.2.3): with the present one, unless they have only just signed in.
 * The attempt to tell the present one counts like one to sign in. Whoever has none signs in anew instead.
 */
export function addPassword({ page, form }: OwnPages, rooms: PasswordRooms): void {
  const { accounts, signIn, pages } = rooms;

  const show: Show = (ctx, person, problem) =>
    pages.draw(ctx, 'account-password', person, { asksCurrent: !isFresh(person) }, problem);

  /** Nothing when the person may go on. */
  async function currentPasswordProblem(
    ctx: Koa.Context,
    person: SignedInPerson,
  ): Promise<AccountProblem | undefined> {
    if (isFresh(person)) return undefined;
    const attempt = {
      login: person.account.login,
      password: text(fieldsOf(ctx).current),
      address: ctx.ip,
      browser: knownByBrowser(ctx, rooms.configuration.issuer),
    };
    const judged = await signIn.attempt(attempt);
    switch (judged.outcome) {
      case 'authenticated':
        // Of whoever has this login now.
        return judged.account.sub === person.account.sub ? undefined : { kind: 'wrong-password' };
      case 'refused':
        return { kind: 'wrong-password' };
      case 'throttled':
        return { kind: 'throttled', retryAfter: judged.retryAfter };
      case 'unavailable':
        return { kind: 'unavailable' };
      default:
        return judged satisfies never;
    }
  }

  page(PASSWORD_PATH, {}, async (ctx, person) => {
    const record = isFresh(person) ? undefined : await accounts.directory?.show(person.account.sub);
    const able = record?.hasPassword === false ? await signedInPerson(rooms, ctx, { fresh: true }) : person;
    if (able !== undefined) await show(ctx, able);
  });
  form(
    PASSWORD_PATH,
    { page: PASSWORD_PATH },
    async (ctx, person) => {
      const problem = await currentPasswordProblem(ctx, person);
      if (problem !== undefined) {
        await showProblem(show, ctx, person, problem);
        return;
      }
      const update = await accounts.directory?.setPassword(person.account.sub, text(fieldsOf(ctx).password));
      if (update?.outcome === 'updated') {
        await afterSecurityChange(rooms, ctx, { person, kind: 'password-changed', endsOthers: true });
        doneAt(ctx, PASSWORD_PATH, 'password-changed');
      } else if (update?.outcome === 'refused' && update.reason === 'unacceptable_password') {
        await showProblem(show, ctx, person, { kind: 'password', rule: update.rule ?? '' });
      } else {
        await showProblem(show, ctx, person, { kind: 'unavailable' });
      }
    },
    show,
  );
}
