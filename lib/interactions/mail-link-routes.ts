import type Router from '@koa/router';
import type Koa from 'koa';
import { interactionUrl } from '../provider/sign-in/interaction-url.ts';
import type { LinkResult } from './mail-link-outcomes.ts';
import type { MailLinkRooms } from './mail-link-rooms.ts';
import { pendingStep, type Step, seeOther, text } from './pending-step.ts';
import { REGISTER_PATH, registrationSteps } from './registration.ts';
import { RESET_PATH, resetSteps } from './reset.ts';
import { VERIFY_PATH, verificationSteps } from './verification.ts';

/** Whether a path is one that the links of mails lead to. */
export function isMailLinkPath(path: string): boolean {
  return [REGISTER_PATH, RESET_PATH, VERIFY_PATH].some((base) => path === base || path === `${base}/done`);
}

/**
 * The routes of reset, registration and verification: those inside an interaction, and those that the links of mails lead
 * to, which work in any browser. GET changes nothing anywhere.
 */
export function addMailLinkRoutes(router: Router, rooms: MailLinkRooms): void {
  const { pages } = rooms;
  const reset = resetSteps(rooms);
  const registration = registrationSteps(rooms);
  const verification = verificationSteps(rooms);
  const inInteraction = (step: Step, formRejected: Step = step) => pendingStep(rooms, step, formRejected);

  router.get('/interaction/:uid/reset', inInteraction(reset.show));
  router.post('/interaction/:uid/reset', inInteraction(reset.ask, reset.show));
  router.get('/interaction/:uid/register', inInteraction(registration.show));
  router.post('/interaction/:uid/register', inInteraction(registration.ask, registration.show));
  router.get(
    '/interaction/:uid/mail-sent',
    inInteraction(async (ctx, interaction) => {
      const { for: kind } = ctx.query;
      if (kind === 'reset' || kind === 'register') pages.mailSent(ctx, interaction, kind);
      else seeOther(ctx, interactionUrl(interaction.uid, interaction.client.clientId));
    }),
  );
  router.get('/interaction/:uid/password-changed', reset.changed);
  router.get('/interaction/:uid/registration', registration.showCompletion);
  router.post('/interaction/:uid/registration', registration.complete);

  router.get(RESET_PATH, reset.showChoice);
  router.post(RESET_PATH, reset.choose);
  router.get(REGISTER_PATH, registration.open);
  router.post(REGISTER_PATH, registration.complete);
  router.get(VERIFY_PATH, verification.show);
  router.post(VERIFY_PATH, verification.confirm);
  const done = (path: string, result: LinkResult): void => {
    router.get(`${path}/done`, (ctx: Koa.Context) =>
      pages.linkResult(ctx, result, text(ctx.query.client_id)),
    );
  };
  done(RESET_PATH, 'password-changed');
  done(REGISTER_PATH, 'registered');
  done(VERIFY_PATH, 'email-verified');
}
