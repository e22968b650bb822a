/**
 * Login, consent and account selection: each reads what the engine waits for, asks the person, and finishes through the
 * engine. This room refuses a step that is not the pending one, a form that our page did not send, and an interaction
 * whose cookie this browser does not hold. It answers for OpenID Connect Core §3.1.2.3 and §3.1.2.4, RFC 6749 §10.12.
 */
import Router from '@koa/router';
import type Koa from 'koa';
import type { Configuration } from '../../config/configuration.ts';
import type { Account } from '../accounts/account-adapter.ts';
import type { PasskeyRegistration } from '../authentication/passkeys/passkey-registration.ts';
import type { PasskeySignIn } from '../authentication/passkeys/passkey-sign-in.ts';
import type { PasswordSignIn, SignInOutcome } from '../authentication/passwords/password-sign-in.ts';
import type { Sealer } from '../database/sealer.ts';
import type { Log } from '../observability/log.ts';
import type { PendingInteraction } from '../provider/sign-in/interaction.ts';
import { interactionUrl } from '../provider/sign-in/interaction-url.ts';
import type { UpstreamSignIn } from '../upstream/upstream-sign-in.ts';
import type { LoginProblem, StepState } from './interaction-pages.ts';
import { knownByBrowser } from './known-browser.ts';
import type { MailLinkRooms } from './mail-link-rooms.ts';
import { addMailLinkRoutes } from './mail-link-routes.ts';
import { passkeySteps } from './passkey-steps.ts';
import { durationOf, fieldsOf, finish, pendingStep, type Step, seeOther, text } from './pending-step.ts';
import { acceptProof } from './proof.ts';
import type { SecondStepPages } from './second-step-pages.ts';
import { addSecondStepRoutes } from './second-step-routes.ts';
import { tellProblem } from './tell-problem.ts';
import type { UpstreamPages } from './upstream-pages.ts';
import { addUpstreamRoutes } from './upstream-routes.ts';

/** What the room works with. */
export interface InteractionRooms extends MailLinkRooms {
  configuration: MailLinkRooms['configuration'] & Pick<Configuration, 'branding' | 'upstream'>;
  sealer: Sealer;
  pages: MailLinkRooms['pages'] & SecondStepPages & UpstreamPages;
  signIn: PasswordSignIn;
  /** Undefined where there are no passkeys. */
  passkeySignIn: PasskeySignIn | undefined;
  passkeyRegistration: PasskeyRegistration | undefined;
  /** Undefined while nobody signs in at other providers. */
  upstream: UpstreamSignIn | undefined;
  log: Log;
}

/** What the login page says of an attempt that signed nobody in. */
function problemOf(result: Exclude<SignInOutcome, { outcome: 'authenticated' }>): LoginProblem {
  if (result.outcome === 'throttled') return { kind: 'throttled', retryAfter: result.retryAfter };
  if (result.outcome === 'unavailable') return { kind: 'unavailable' };
  return { kind: result.expired === true ? 'password-expired' : 'refused' };
}

/** The routes under `/interaction/:uid`, and those that the links of mails lead to. */
export function interactionRoutes(rooms: InteractionRooms): Koa.Middleware {
  const [everyday, others] = interactionRouters(rooms);
  const first = everyday.routes() as unknown as Koa.Middleware;
  const second = others.routes() as unknown as Koa.Middleware;
  return (ctx, next) => first(ctx, async () => second(ctx, next));
}

/** A router tries each of its routes: what every sign-in asks for has one, the first, with few of them. */
export function interactionRouters(rooms: InteractionRooms): [Router, Router] {
  const { desk, accounts, signIn, pages } = rooms;
  const everyday = new Router();
  const router = new Router();

  async function person(interaction: PendingInteraction): Promise<Account | undefined> {
    const account =
      interaction.accountId === undefined ? undefined : await accounts.findBySub(interaction.accountId);
    return account?.disabled === false ? account : undefined;
  }

  const withInteraction = (step: Step) =>
    pendingStep(rooms, step, (ctx, interaction) => draw(ctx, interaction, { formRejected: true }));

  async function draw(ctx: Koa.Context, interaction: PendingInteraction, state?: StepState): Promise<void> {
    const again = ctx.query.again === undefined ? undefined : interaction.proved?.accountId;
    const switching = ctx.query.switch !== undefined || again !== undefined;
    if (interaction.proved !== undefined && !switching && state === undefined) {
      seeOther(ctx, interactionUrl(interaction.uid, interaction.client.clientId, 'second-step'));
      return;
    }
    const someone = await person(interaction);
    if (someone !== undefined && !switching && interaction.prompt === 'consent') {
      await pages.consent(ctx, interaction, someone, state);
    } else if (someone !== undefined && !switching && interaction.prompt === 'select_account') {
      pages.selectAccount(ctx, interaction, someone, state);
    } else if (interaction.prompt === 'create' && !switching && state === undefined) {
      const email = text(interaction.params.login_hint);
      pages.askRegister(ctx, interaction, { email });
    } else {
      const known = again === undefined ? undefined : (await accounts.findBySub(again))?.login;
      const login = text(fieldsOf(ctx).login) || known || text(interaction.params.login_hint);
      const problem = state?.formRejected === true ? ({ kind: 'form-rejected' } as const) : undefined;
      pages.login(ctx, interaction, { login, problem });
    }
  }

  const show: Step = (ctx, interaction) => draw(ctx, interaction);

  const login: Step = async (ctx, interaction) => {
    const { login: givenLogin, password } = fieldsOf(ctx);
    const browser = knownByBrowser(ctx, rooms.configuration.issuer);
    const attempt = { login: text(givenLogin), password: text(password), address: ctx.ip, browser };
    const result = await signIn.attempt(attempt);
    if (result.outcome === 'authenticated') {
      await acceptProof(rooms, ctx, interaction, result);
      return;
    }
    const problem = problemOf(result);
    tellProblem(ctx, problem);
    pages.login(ctx, interaction, { login: attempt.login, problem });
  };

  const consent: Step = async (ctx, interaction) => {
    if (interaction.prompt !== 'consent' || (await person(interaction)) === undefined) {
      await show(ctx, interaction);
      return;
    }
    await finish(desk, ctx, interaction, { kind: 'consented', duration: durationOf(ctx, interaction) });
  };

  const select: Step = async (ctx, interaction) => {
    if (interaction.prompt !== 'select_account' || (await person(interaction)) === undefined) {
      await show(ctx, interaction);
      return;
    }
    await finish(desk, ctx, interaction, { kind: 'account_selected' });
  };

  everyday.get('/interaction/:uid', withInteraction(show));
  everyday.post('/interaction/:uid/login', withInteraction(login));
  everyday.post('/interaction/:uid/consent', withInteraction(consent));
  const passkey = passkeySteps(rooms);
  router.post('/interaction/:uid/passkey-options', withInteraction(passkey.options));
  router.post('/interaction/:uid/passkey', withInteraction(passkey.signIn));
  router.post('/interaction/:uid/select', withInteraction(select));
  router.post(
    '/interaction/:uid/switch',
    withInteraction(async (ctx, interaction) => {
      seeOther(ctx, `${interactionUrl(interaction.uid, interaction.client.clientId)}&switch`);
    }),
  );
  router.post(
    '/interaction/:uid/cancel',
    withInteraction((ctx, interaction) => finish(desk, ctx, interaction, { kind: 'denied' })),
  );
  // A reloaded or bookmarked result of a form leads back to the page that the form was on.
  for (const step of ['login', 'passkey', 'passkey-options', 'consent', 'select', 'switch', 'cancel']) {
    router.get(`/interaction/:uid/${step}`, (ctx) =>
      seeOther(ctx, interactionUrl(encodeURIComponent(ctx.params.uid ?? ''), text(ctx.query.client_id))),
    );
  }
  addSecondStepRoutes(router, rooms);
  const { upstream, pendingIdentities } = rooms;
  if (upstream !== undefined && pendingIdentities !== undefined) {
    addUpstreamRoutes(router, { ...rooms, upstream, pendingIdentities }, (ctx, interaction) =>
      draw(ctx, interaction, { formRejected: true }),
    );
  }
  addMailLinkRoutes(router, rooms);
  return [everyday, router];
}
