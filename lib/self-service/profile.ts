import type { AccountAdapter } from '../accounts/account-adapter.ts';
import { fieldsOf, text } from '../interactions/pending-step.ts';
import { noteActivity } from '../interactions/security-notice.ts';
import type { Events } from '../observability/events.ts';
import type { AccountPages } from './account-pages.ts';
import { doneAt, type OwnPages, type Show, showProblem } from './own-page.ts';

const PROFILE_PATH = '/account/profile';

/** What people say of themselves, and may change. The rest is the operator's to keep. */
const EDITABLE_CLAIMS = ['name', 'given_name', 'family_name', 'nickname', 'locale', 'zoneinfo'] as const;

/** The person's own claims: shown, and changed where people are kept here. */
export function addProfile(
  { page, form }: OwnPages,
  { accounts, pages, events }: { accounts: AccountAdapter; pages: AccountPages; events: Events },
): void {
  const show: Show = (ctx, person, problem) => {
    const typed = problem === undefined ? person.account.claims : fieldsOf(ctx);
    const values = Object.fromEntries(EDITABLE_CLAIMS.map((claim) => [claim, text(typed[claim])]));
    return pages.draw(ctx, 'account-profile', person, { values }, problem);
  };

  page(PROFILE_PATH, {}, show);
  form(
    PROFILE_PATH,
    { page: PROFILE_PATH },
    async (ctx, person) => {
      const fields = fieldsOf(ctx);
      const claims = Object.fromEntries(
        EDITABLE_CLAIMS.map((claim) => [claim, text(fields[claim]).trim() || null]),
      );
      const update = await accounts.directory?.update(person.account.sub, { claims });
      if (update?.outcome === 'updated') {
        noteActivity(events, ctx, { accountId: person.account.sub, kind: 'profile-changed' });
        doneAt(ctx, PROFILE_PATH, 'saved');
        return;
      }
      const claim = update?.outcome === 'refused' ? (update.claim ?? '') : '';
      await showProblem(show, ctx, person, { kind: 'claim', claim });
    },
    show,
  );
}
