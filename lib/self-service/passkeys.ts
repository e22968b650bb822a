import type { AccountAdapter } from '../accounts/account-adapter.ts';
import type { PasskeyRegistration } from '../authentication/passkeys/passkey-registration.ts';
import type { SecondFactors } from '../authentication/second-factors/second-factors.ts';
import { fieldsOf, text } from '../interactions/pending-step.ts';
import type { AccountPages } from './account-pages.ts';
import { doneAt, type OwnPageRooms, type OwnPages, type Show, showProblem } from './own-page.ts';
import { withProvedFactors } from './proved-factors.ts';
import { afterSecurityChange, type SecurityChangeRooms } from './security-change.ts';

const PASSKEYS_PATH = '/account/passkeys';
/** Whoever changes how somebody signs in has proved themselves lately. */
const DEMAND = { fresh: true, page: PASSKEYS_PATH };

/** What the pages about passkeys work with. */
export interface PasskeyPageRooms extends SecurityChangeRooms, OwnPageRooms {
  accounts: AccountAdapter;
  secondFactors: SecondFactors;
  passkeyRegistration: PasskeyRegistration | undefined;
  pages: AccountPages;
}

/** A person's passkeys: add some, give them names, remove them. Nothing where there are none. */
export function addPasskeys({ page, form }: OwnPages, rooms: PasskeyPageRooms): void {
  const { accounts, secondFactors, passkeyRegistration: registration, pages } = rooms;
  if (registration === undefined) return;
  const { passkeys } = registration;
  const proved = withProvedFactors(rooms, DEMAND);

  const show: Show = async (ctx, person, problem) => {
    const { account } = person;
    const model = {
      passkeys: await passkeys.listOf(account.sub),
      signals: await registration.signals(account),
    };
    await pages.draw(ctx, 'account-passkeys', person, model, problem);
  };

  page(PASSKEYS_PATH, DEMAND, proved(show));

  // A form, so that a page that is out of date shows before the authenticator has made something in vain.
  form(
    `${PASSKEYS_PATH}/options`,
    DEMAND,
    proved(async (ctx, person) => {
      ctx.body = await registration.options(person);
    }),
    show,
  );

  form(
    `${PASSKEYS_PATH}/add`,
    DEMAND,
    proved(async (ctx, person) => {
      const { credential, name } = fieldsOf(ctx);
      const answer = { credential: text(credential), name: text(name) };
      const result = await registration.register(person, answer);
      if (result.outcome === 'refused') {
        await showProblem(show, ctx, person, { kind: 'passkey', reason: result.reason });
        return;
      }
      const { sub } = person.account;
      // Whoever loses the passkey gets in with one of these. Should this process end before they are shown, others can be made.
      const codes = await secondFactors.firstRecoveryCodes(sub);
      // What it proves counts when it is used: nothing was signed with it yet.
      const change = { person, kind: 'passkey-added', endsOthers: true } as const;
      const renewed = await afterSecurityChange(rooms, ctx, change);
      if (codes === undefined) doneAt(ctx, PASSKEYS_PATH, 'passkey-added');
      else await pages.draw(ctx, 'account-recovery-codes', renewed, { codes });
    }),
    show,
  );

  form(
    `${PASSKEYS_PATH}/rename`,
    DEMAND,
    proved(async (ctx, person) => {
      const { passkey, name } = fieldsOf(ctx);
      await passkeys.rename(person.account.sub, text(passkey), text(name));
      doneAt(ctx, PASSKEYS_PATH, 'passkey-renamed');
    }),
    show,
  );

  form(
    `${PASSKEYS_PATH}/remove`,
    DEMAND,
    proved(async (ctx, person) => {
      // Where people are kept elsewhere, it is not known here how else they could sign in.
      const keepsLast = accounts.directory !== undefined;
      const id = text(fieldsOf(ctx).passkey);
      const removal = await passkeys.remove(person.account.sub, id, { keepsLast });
      if (removal.outcome === 'last') {
        ctx.status = 409;
        await show(ctx, person, { kind: 'passkey', reason: 'last' });
        return;
      }
      if (removal.outcome === 'removed') {
        await afterSecurityChange(rooms, ctx, { person, kind: 'passkey-removed', endsOthers: true });
      }
      doneAt(ctx, PASSKEYS_PATH, 'passkey-removed');
    }),
    show,
  );
}
