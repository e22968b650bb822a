import type Router from '@koa/router';
import type Koa from 'koa';
import { interactionUrl } from '../provider/sign-in/interaction-url.ts';
import type { FormProtection, InteractionPages } from './interaction-pages.ts';
import { pendingStep, type Step, seeOther, text } from './pending-step.ts';
import { upstreamBrowser } from './upstream-browser.ts';
import { upstreamLogoutSteps } from './upstream-logout-steps.ts';
import { type UpstreamRooms, upstreamSteps } from './upstream-steps.ts';

/** Where a person's own page takes the answer of another provider. */
export const IDENTITY_ANSWER_PATH = '/account/identities/answer';

/** Whether a path is one that other providers send browsers to, or call. */
export function isUpstreamPath(path: string): boolean {
  return path.startsWith('/upstream/');
}

/** The routes of sign-in at other providers. */
export function addUpstreamRoutes(
  router: Router,
  rooms: UpstreamRooms & {
    pages: Pick<InteractionPages, 'expired'>;
    forms: FormProtection;
  },
  login: Step,
): void {
  const { configuration, upstream, pages } = rooms;
  const steps = upstreamSteps(rooms);
  const inInteraction = (step: Step, formRejected: Step = step) => pendingStep(rooms, step, formRejected);

  router.post('/interaction/:uid/upstream', inInteraction(steps.begin, login));
  router.get('/interaction/:uid/upstream', inInteraction(steps.end));
  router.get('/interaction/:uid/connect', inInteraction(steps.showConnect));
  router.post('/interaction/:uid/connect', inInteraction(steps.decline, steps.showConnect));

  const logout = upstreamLogoutSteps(rooms);
  router.post('/upstream/:provider/logout', logout.receive);
  router.get('/upstream/:provider/sign-out', logout.leave);
  router.get('/upstream/:provider/signed-out', logout.left);

  // The cookie of the interaction comes with its own paths alone. Nothing is judged before it is there.
  router.get('/upstream/:provider/callback', async (ctx: Koa.Context) => {
    ctx.set('Cache-Control', 'no-store');
    const { provider = '' } = ctx.params as { provider?: string };
    const browser = upstreamBrowser(ctx, configuration.issuer);
    const attempt = upstream.attemptOf(provider, text(ctx.query.state), browser);
    if (attempt === undefined) {
      // An answer to another browser, to nobody's question, or to one of long ago (RFC 9700 §4.7).
      await pages.expired(ctx, 'unknown');
      return;
    }
    const answer = new URLSearchParams({ provider, answer: ctx.querystring });
    const { purpose, place, clientId } = attempt;
    seeOther(
      ctx,
      purpose === 'sign-in'
        ? `${interactionUrl(place, clientId, 'upstream')}&${answer}`
        : `${IDENTITY_ANSWER_PATH}?${answer}`,
    );
  });
}
