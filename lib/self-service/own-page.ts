import type Router from '@koa/router';
import type Koa from 'koa';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import type { FormProtection } from '../interactions/interaction-pages.ts';
import { seeOther } from '../interactions/pending-step.ts';
import { tellProblem } from '../interactions/tell-problem.ts';
import type { SessionDesk } from '../provider/sign-in/browser-session.ts';
import { type AccountProblem, accountFormPurpose } from './account-pages.ts';
import type { AccountSignIn } from './account-sign-in.ts';
import type { SignInDemand } from './sign-in-demand.ts';
import { type SignedInPerson, signedInPerson } from './signed-in-person.ts';

/** What every page of a signed-in person needs. */
export interface OwnPageRooms {
  sessions: SessionDesk;
  accounts: AccountAdapter;
  accountSignIn: AccountSignIn;
  forms: FormProtection;
}

/** Draws a page; `problem`: what came of a form of its own. */
export type Show = (ctx: Koa.Context, person: SignedInPerson, problem?: AccountProblem) => Promise<void>;
/** Does what a form asks for. */
export type Act = (ctx: Koa.Context, person: SignedInPerson) => Promise<void>;

/** Registers pages of a signed-in person, each with the demand that it makes of the sign-in. */
export interface OwnPages {
  page(path: string, demand: SignInDemand, show: Show): void;
  /** A form that `show` draws; it is shown again, and nothing is done, when the form is not from our page. By GET it leads back to `page`. */
  form(path: string, demand: SignInDemand & { page: string }, act: Act, show: Show): void;
}

/** Draws a page again with what came of its form; the status says so too. */
export async function showProblem(
  show: Show,
  ctx: Koa.Context,
  person: SignedInPerson,
  problem: AccountProblem,
): Promise<void> {
  tellProblem(ctx, problem);
  await show(ctx, person, problem);
}

/** Makes the registrar over a router. */
export function ownPages(router: Router, rooms: OwnPageRooms): OwnPages {
  return {
    page(path, demand, show) {
      router.get(path, async (ctx) => {
        const person = await signedInPerson(rooms, ctx, demand);
        if (person !== undefined) await show(ctx, person);
      });
    },
    form(path, { page, ...demand }, act, show) {
      router.post(path, async (ctx) => {
        const person = await signedInPerson(rooms, ctx, demand);
        if (person === undefined) return;
        if (rooms.forms.verify(ctx, accountFormPurpose(person.sessionUid))) {
          await act(ctx, person);
          return;
        }
        await showProblem(show, ctx, person, { kind: 'form-rejected' });
      });
      if (path !== page) router.get(path, (ctx) => seeOther(ctx, page));
    },
  };
}

/** Back to a page, which then says that it is done. */
export function doneAt(ctx: Koa.Context, page: string, what: string): void {
  seeOther(ctx, `${page}?done=${what}`);
}
