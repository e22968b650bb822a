import type Koa from 'koa';
import type { Configuration } from '../../config/configuration.ts';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import { addressGroup } from '../authentication/throttling/address-group.ts';
import type { Sealer } from '../database/sealer.ts';
import { createReference } from '../observability/error-reference.ts';
import type { Log } from '../observability/log.ts';
import { admitRefusalLine } from '../observability/refusal-lines.ts';
import type { PendingInteraction } from '../provider/sign-in/interaction.ts';
import { interactionUrl } from '../provider/sign-in/interaction-url.ts';
import type { Identified, UpstreamSignIn } from '../upstream/upstream-sign-in.ts';
import { oldestProof } from './enrolment-due.ts';
import type { PendingIdentities } from './pending-identity.ts';
import { fieldsOf, type Step, seeOther, text } from './pending-step.ts';
import { acceptProof, type ProofRooms } from './proof.ts';
import { ensureUpstreamBrowser, upstreamBrowser } from './upstream-browser.ts';
import type { UpstreamPages, UpstreamProblem } from './upstream-pages.ts';

/** What sign-in at other providers works with. */
export interface UpstreamRooms extends ProofRooms {
  configuration: ProofRooms['configuration'] & Pick<Configuration, 'lifetimes' | 'upstream'>;
  sealer: Sealer;
  accounts: AccountAdapter;
  upstream: UpstreamSignIn;
  pendingIdentities: PendingIdentities;
  pages: UpstreamPages;
  log: Log;
}

/** Sign-in at another provider, inside an interaction. */
export interface UpstreamSteps {
  /** Sends the browser there. */
  begin: Step;
  /** The browser is back, with an answer. */
  end: Step;
  showConnect: Step;
  /** The person would rather not have it linked. */
  decline: Step;
}

const STATUS: Record<UpstreamProblem, number> = {
  denied: 403,
  disabled: 403,
  stale: 403,
  used: 410,
  untrusted: 502,
  unreachable: 503,
};

/** How old (s) a sign-in there may be at most; undefined when the application does not ask. */
function maximumAge({ params }: PendingInteraction): number | undefined {
  if (text(params.prompt).split(' ').includes('login')) return 0;
  const { max_age: maxAge } = params;
  if (typeof maxAge !== 'number' && typeof maxAge !== 'string') return undefined;
  const seconds = Number(maxAge);
  return Number.isSafeInteger(seconds) && seconds >= 0 ? seconds : 0;
}

/**
 * Logs why somebody could not be signed in or linked by another provider, and answers the reference under which it stands there; undefined for what is
 * nobody's fault, and for who has had so many that they are counted alone.
 */
export function reportUpstreamProblem(
  { log, events }: Pick<UpstreamRooms, 'log' | 'events'>,
  ctx: Koa.Context,
  { id, reason, cause }: { id: string; reason: UpstreamProblem; cause?: unknown },
): string | undefined {
  events.emit('login.failed', { reason: `upstream_${reason}`, address: ctx.ip });
  if (reason === 'denied' || reason === 'used' || reason === 'disabled') return undefined;
  if (!admitRefusalLine(log, addressGroup(ctx.ip).subscriber)) return undefined;
  const reference = createReference();
  const line = { reference, reason, kind: id, address: ctx.ip, err: cause };
  log.warn(line, 'sign-in at an upstream provider failed');
  return reference;
}

/** The steps. */
export function upstreamSteps(rooms: UpstreamRooms): UpstreamSteps {
  const { configuration, upstream, pendingIdentities, pages } = rooms;
  const { issuer, lifetimes } = configuration;

  function fail(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    given: { id: string; reason: UpstreamProblem; cause?: unknown },
  ): void {
    const { id, reason } = given;
    const reference = reportUpstreamProblem(rooms, ctx, given);
    ctx.status = STATUS[reason];
    pages.upstreamProblem(ctx, interaction, { id, provider: upstream.nameOf(id), reason, reference });
  }

  const address = ({ uid, client }: PendingInteraction, step?: string): string =>
    interactionUrl(uid, client.clientId, step);

  async function goOnWith(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    identified: Identified,
  ): Promise<void> {
    const { identity, methods, session } = identified;
    const admission = await upstream.admit(identified);
    switch (admission.outcome) {
      case 'known':
      case 'created': {
        const { account } = admission;
        pendingIdentities.drop(ctx, interaction.uid);
        const { sid } = session;
        if (sid !== undefined) {
          const seconds = lifetimes.session;
          await upstream.identities.noteSession({ issuer: session.issuer, sid }, account.sub, seconds);
        }
        await acceptProof(rooms, ctx, interaction, { account, methods, upstream: session });
        return;
      }
      case 'disabled':
        fail(ctx, interaction, { id: identity.provider, reason: 'disabled' });
        return;
      case 'unlinked':
        pendingIdentities.keep(ctx, interaction.uid, identity);
        seeOther(ctx, address(interaction, 'connect'));
        return;
      default:
        admission satisfies never;
    }
  }

  return {
    async begin(ctx, interaction) {
      const id = text(fieldsOf(ctx).provider);
      const maxAge = maximumAge(interaction) ?? (await oldestProof(rooms, ctx, interaction));
      const { uid, client, params } = interaction;
      const begun = await upstream.begin(
        {
          provider: id,
          purpose: 'sign-in',
          place: uid,
          clientId: client.clientId,
          ...(maxAge === undefined ? {} : { maxAge }),
        },
        { browser: ensureUpstreamBrowser(ctx, issuer), uiLocales: text(params.ui_locales) || undefined },
      );
      if (begun === undefined) seeOther(ctx, address(interaction));
      else if (begun.outcome === 'begun') seeOther(ctx, begun.url.href);
      else fail(ctx, interaction, { id, reason: 'unreachable', cause: begun.cause });
    },

    async end(ctx, interaction) {
      // The page is loaded again after it has signed somebody in.
      if (interaction.signedInTo !== undefined) {
        seeOther(ctx, interaction.signedInTo);
        return;
      }
      const id = text(ctx.query.provider);
      const answer = new URLSearchParams(text(ctx.query.answer));
      const state = answer.get('state') ?? '';
      const attempt = upstream.attemptOf(id, state, upstreamBrowser(ctx, issuer));
      if (attempt === undefined || attempt.purpose !== 'sign-in' || attempt.place !== interaction.uid) {
        seeOther(ctx, `${address(interaction)}&switch`);
        return;
      }
      const judged = await upstream.judge(attempt, answer);
      if (judged.outcome === 'failed') fail(ctx, interaction, { id, ...judged });
      else await goOnWith(ctx, interaction, judged);
    },

    async showConnect(ctx, interaction) {
      const identity = pendingIdentities.read(ctx, interaction.uid);
      if (identity === undefined) {
        seeOther(ctx, `${address(interaction)}&switch`);
        return;
      }
      const { provider, label } = identity;
      const formRejected = ctx.method === 'POST';
      pages.connect(ctx, interaction, { provider: upstream.nameOf(provider), label, formRejected });
    },

    async decline(ctx, interaction) {
      pendingIdentities.drop(ctx, interaction.uid);
      seeOther(ctx, `${address(interaction)}&switch`);
    },
  };
}
