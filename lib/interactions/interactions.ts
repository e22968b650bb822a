/**
 * Login, consent and account selection: each reads what the engine waits for, asks the person, and finishes through the
 * engine. This room refuses a step that is not the pending one, a form that our page did not send, and an interaction
 * whose cookie this browser does not hold. It answers for OpenID Connect Core §3.1.2.3 and §3.1.2.4, RFC 6749 §10.12.
 */
import Router from '@koa/router';
import type Koa from 'koa';
import type { Account, AccountAdapter } from '../accounts/account-adapter.ts';
import type { PasswordSignIn } from '../authentication/password-sign-in.ts';
import type { Events } from '../observability/events.ts';
import type { InteractionAnswer, InteractionDesk, PendingInteraction } from '../provider/interaction.ts';
import { interactionUrl } from '../provider/interaction-url.ts';
import type { FormProtection, InteractionPages, StepState } from './interaction-pages.ts';

/** What the room works with. */
export interface InteractionRooms {
  desk: InteractionDesk;
  accounts: AccountAdapter;
  signIn: PasswordSignIn;
  pages: InteractionPages;
  forms: FormProtection;
  events: Events;
}

type Step = (ctx: Koa.Context, interaction: PendingInteraction) => Promise<void>;

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function fieldsOf(ctx: Koa.Context): Record<string, unknown> {
  return (ctx.request as { body?: Record<string, unknown> }).body ?? {};
}

/** The routes under `/interaction/:uid`. */
export function interactionRoutes(rooms: InteractionRooms): Koa.Middleware {
  const { desk, accounts, signIn, pages, forms, events } = rooms;
  const router = new Router({ prefix: '/interaction' });

  async function person(interaction: PendingInteraction): Promise<Account | undefined> {
    const account =
      interaction.accountId === undefined ? undefined : await accounts.findBySub(interaction.accountId);
    return account?.disabled === false ? account : undefined;
  }

  function withInteraction(step: Step): Koa.Middleware {
    return async (ctx) => {
      ctx.set('Cache-Control', 'no-store');
      const interaction = await desk.pending(ctx, ctx.params.uid);
      if ('outcome' in interaction) {
        await pages.expired(ctx, interaction.reason);
        return;
      }
      if (ctx.method === 'POST' && !forms.verify(ctx, interaction.uid)) {
        ctx.status = 403;
        await draw(ctx, interaction, { formRejected: true });
        return;
      }
      await step(ctx, interaction);
    };
  }

  async function finish(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    answer: InteractionAnswer,
  ): Promise<void> {
    const returnTo = await desk.answer(ctx, interaction, answer);
    ctx.status = 303;
    ctx.redirect(returnTo);
  }

  async function draw(ctx: Koa.Context, interaction: PendingInteraction, state?: StepState): Promise<void> {
    const someone = await person(interaction);
    const switching = ctx.query.switch !== undefined;
    if (someone !== undefined && !switching && interaction.prompt === 'consent') {
      await pages.consent(ctx, interaction, someone, state);
    } else if (someone !== undefined && !switching && interaction.prompt === 'select_account') {
      pages.selectAccount(ctx, interaction, someone, state);
    } else {
      const login = text(fieldsOf(ctx).login) || text(interaction.params.login_hint);
      const problem = state?.formRejected === true ? ({ kind: 'form-rejected' } as const) : undefined;
      pages.login(ctx, interaction, { login, ...(problem === undefined ? {} : { problem }) });
    }
  }

  const show: Step = (ctx, interaction) => draw(ctx, interaction);

  const login: Step = async (ctx, interaction) => {
    const { login: givenLogin, password } = fieldsOf(ctx);
    const attempt = { login: text(givenLogin), password: text(password), address: ctx.ip };
    const result = await signIn.attempt(attempt);
    switch (result.outcome) {
      case 'authenticated':
        events.emit('login.succeeded', {
          accountId: result.account.sub,
          clientId: interaction.client.clientId,
          method: result.methods.join(' '),
        });
        await finish(ctx, interaction, {
          kind: 'login',
          accountId: result.account.sub,
          methods: result.methods,
          remember: true,
        });
        return;
      case 'refused':
        ctx.status = 422;
        pages.login(ctx, interaction, { login: attempt.login, problem: { kind: 'refused' } });
        return;
      case 'throttled':
        ctx.status = 429;
        ctx.set('Retry-After', String(result.retryAfter));
        pages.login(ctx, interaction, {
          login: attempt.login,
          problem: { kind: 'throttled', retryAfter: result.retryAfter },
        });
        return;
      case 'unavailable':
        ctx.status = 503;
        ctx.set('Retry-After', '5');
        pages.login(ctx, interaction, { login: attempt.login, problem: { kind: 'unavailable' } });
        return;
      default:
        result satisfies never;
    }
  };

  const consent: Step = async (ctx, interaction) => {
    if (interaction.prompt !== 'consent' || (await person(interaction)) === undefined) {
      await show(ctx, interaction);
      return;
    }
    await finish(ctx, interaction, { kind: 'consented' });
  };

  const select: Step = async (ctx, interaction) => {
    if (interaction.prompt !== 'select_account' || (await person(interaction)) === undefined) {
      await show(ctx, interaction);
      return;
    }
    await finish(ctx, interaction, { kind: 'account_selected' });
  };

  router.get('/:uid', withInteraction(show));
  router.post('/:uid/login', withInteraction(login));
  router.post('/:uid/consent', withInteraction(consent));
  router.post('/:uid/select', withInteraction(select));
  router.post(
    '/:uid/switch',
    withInteraction(async (ctx, interaction) => {
      ctx.status = 303;
      ctx.redirect(`${interactionUrl(interaction.uid, interaction.client.clientId)}&switch`);
    }),
  );
  router.post(
    '/:uid/cancel',
    withInteraction((ctx, interaction) => finish(ctx, interaction, { kind: 'denied' })),
  );
  // A reloaded or bookmarked result of a form leads back to the page that the form was on.
  for (const step of ['login', 'consent', 'select', 'switch', 'cancel']) {
    router.get(`/:uid/${step}`, (ctx) => {
      ctx.status = 303;
      ctx.redirect(interactionUrl(encodeURIComponent(ctx.params.uid ?? ''), text(ctx.query.client_id)));
    });
  }
  return router.routes() as unknown as Koa.Middleware;
}
