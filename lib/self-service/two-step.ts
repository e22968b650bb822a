import type Koa from 'koa';
import type { Configuration } from '../../config/configuration.ts';
import { isEnrolled, type SecondFactors } from '../authentication/second-factors/second-factors.ts';
import { soon } from '../interactions/parallel-answer.ts';
import { fieldsOf, seeOther, text } from '../interactions/pending-step.ts';
import type { CodeProblem } from '../interactions/second-step-pages.ts';
import { tellProblem } from '../interactions/tell-problem.ts';
import type { AccountPages } from './account-pages.ts';
import { type Act, doneAt, type OwnPageRooms, type OwnPages, type Show } from './own-page.ts';
import { withProvedFactors } from './proved-factors.ts';
import { afterSecurityChange, type SecurityChangeRooms } from './security-change.ts';
import type { SignedInPerson } from './signed-in-person.ts';

const TWO_STEP_PATH = '/account/two-step';
const APP_PATH = `${TWO_STEP_PATH}/app`;
const DEMAND = { fresh: true, page: TWO_STEP_PATH };

/** What the pages about the second step work with. */
export interface TwoStepRooms extends SecurityChangeRooms, OwnPageRooms {
  configuration: Pick<Configuration, 'branding'>;
  secondFactors: SecondFactors;
  pages: AccountPages;
}

/**
 * A person's second step: an authenticator app, recovery codes, the browsers that it is left out in. Whoever has a second
 * factor proves it in this session before they change anything, wherever they are remembered: the password alone must not take the second step away.
 */
export function addTwoStep({ page, form }: OwnPages, rooms: TwoStepRooms): void {
  const { configuration, secondFactors, sessions, pages } = rooms;
  const { devices } = secondFactors;

  const proved = withProvedFactors(rooms, DEMAND);

  const show: Show = async (ctx, person, problem) => {
    const { account } = person;
    const model = { factors: await secondFactors.of(account), devices: await devices.list(account.sub) };
    await pages.draw(ctx, 'account-two-step', person, model, problem);
  };

  const labelOf = ({ account }: SignedInPerson) => ({
    issuer: configuration.branding.name,
    login: account.login,
  });

  /** Who has an app is told so, and where recovery codes are made: a form that was sent twice has shown them in an answer that nobody sees. */
  const tellOfApp = (ctx: Koa.Context): void => doneAt(ctx, TWO_STEP_PATH, 'two-step-present');

  async function showApp(
    ctx: Koa.Context,
    person: SignedInPerson,
    problem?: CodeProblem,
    sealed = '',
  ): Promise<void> {
    if (await secondFactors.totp.has(person.account.sub)) {
      tellOfApp(ctx);
      return;
    }
    if (problem !== undefined) tellProblem(ctx, problem);
    const { sub } = person.account;
    const enrolment =
      (await secondFactors.totp.again(sub, sealed, labelOf(person))) ??
      (await secondFactors.beginTotp(sub, labelOf(person)));
    await pages.draw(ctx, 'account-two-step-app', person, { enrolment }, problem);
  }

  /** After a form that was sent twice: the first is about to give this browser a new session, by which alone the next page knows what was proved. */
  async function tellOfFirst(ctx: Koa.Context, { sessionUid }: SignedInPerson): Promise<void> {
    await soon(async () => (await sessions.hasEnded(sessionUid)) || undefined);
    tellOfApp(ctx);
  }

  const confirm = proved(async (ctx, person) => {
    const { sealed, code } = fieldsOf(ctx);
    const given = { sealed: text(sealed), code: text(code) };
    const confirmation = await secondFactors.confirmTotp(person.account.sub, given, ctx.ip);
    if (confirmation.outcome === 'present') {
      await tellOfFirst(ctx, person);
      return;
    }
    if (confirmation.outcome !== 'confirmed') {
      const { outcome: kind, ...details } = confirmation;
      await showApp(ctx, person, { kind, ...details } as CodeProblem, given.sealed);
      return;
    }
    // The code that was just typed is one more thing that was proved in this session.
    const methods = [...new Set([...person.methods, 'otp'])];
    const change = { person: { ...person, methods }, kind: 'two-step-added', endsOthers: true } as const;
    const renewed = await afterSecurityChange(rooms, ctx, change);
    const { recoveryCodes: codes } = confirmation;
    if (codes === undefined) doneAt(ctx, TWO_STEP_PATH, 'two-step-added');
    else await pages.draw(ctx, 'account-recovery-codes', renewed, { codes });
  });

  const add = (path: string, act: Act): void => form(path, DEMAND, proved(act), show);

  page(TWO_STEP_PATH, { fresh: true }, proved(show));
  page(APP_PATH, { fresh: true }, proved(showApp));

  form(
    APP_PATH,
    { fresh: true, page: APP_PATH },
    async (ctx, person) => {
      // Before what is proved is asked for: the app is, in the other request alone.
      if (await secondFactors.totp.has(person.account.sub)) await tellOfFirst(ctx, person);
      else await confirm(ctx, person);
    },
    (ctx, person) => showApp(ctx, person, { kind: 'form-rejected' }),
  );

  add(`${TWO_STEP_PATH}/remove-app`, async (ctx, person) => {
    if (await secondFactors.removeTotp(person.account.sub)) {
      await afterSecurityChange(rooms, ctx, { person, kind: 'two-step-removed', endsOthers: true });
    }
    doneAt(ctx, TWO_STEP_PATH, 'two-step-removed');
  });

  add(`${TWO_STEP_PATH}/recovery-codes`, async (ctx, person) => {
    // They stand in for a second step: without one they would be asked for here, and nowhere else.
    if (!isEnrolled(await secondFactors.of(person.account))) {
      seeOther(ctx, TWO_STEP_PATH);
      return;
    }
    const codes = await secondFactors.renewRecoveryCodes(person.account.sub);
    const renewed = await afterSecurityChange(rooms, ctx, {
      person,
      kind: 'recovery-codes-made',
      endsOthers: true,
    });
    await pages.draw(ctx, 'account-recovery-codes', renewed, { codes });
  });

  add(`${TWO_STEP_PATH}/forget`, async (ctx, person) => {
    const device = text(fieldsOf(ctx).device);
    await devices.forget(person.account.sub, device === '' ? undefined : device);
    doneAt(ctx, TWO_STEP_PATH, 'device-forgotten');
  });
}
