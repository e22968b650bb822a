import type Koa from 'koa';
import type {
  InteractionAnswer,
  InteractionDesk,
  PendingInteraction,
} from '../provider/sign-in/interaction.ts';
import { GRANT_DURATIONS, type GrantDuration } from '../provider/tokens/bounded-grants.ts';
import type { FormProtection, InteractionPages } from './interaction-pages.ts';

/** What one step of an interaction does. */
export type Step = (ctx: Koa.Context, interaction: PendingInteraction) => Promise<void>;

/** A form's field as text; empty when it is missing or was sent several times. */
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The fields of the form that was sent. */
export function fieldsOf(ctx: Koa.Context): Record<string, unknown> {
  return (ctx.request as { body?: Record<string, unknown> }).body ?? {};
}

/**
 * How long the person allows it; asked only for applications that no operator vouches for. `forDevice`: it is let in somewhere
 * else than in this browser, and does not end with its session.
 */
export function durationOf(
  ctx: Koa.Context,
  { client, forDevice }: Pick<PendingInteraction, 'client' | 'forDevice'>,
): GrantDuration | undefined {
  if (client.origin === 'operator') return undefined;
  const chosen = text(fieldsOf(ctx).duration);
  if (chosen === 'session' && forDevice) return 'month';
  return GRANT_DURATIONS.find((duration) => duration === chosen) ?? 'month';
}

/** Sends the browser to an address by GET, whatever it asked with (RFC 9110 §15.4.4). */
export function seeOther(ctx: Koa.Context, address: string): void {
  ctx.status = 303;
  ctx.redirect(address);
}

/**
 * A step as a route: it runs only for the browser that holds the interaction, while that is pending, and for a form that our
 * page sent; `formRejected` draws the page again otherwise.
 */
export function pendingStep(
  rooms: { desk: InteractionDesk; pages: Pick<InteractionPages, 'expired'>; forms: FormProtection },
  step: Step,
  formRejected: Step,
): (ctx: Koa.Context) => Promise<void> {
  const { desk, pages, forms } = rooms;
  return async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    const interaction = await desk.pending(ctx, ctx.params.uid);
    if ('outcome' in interaction) {
      await pages.expired(ctx, interaction.reason);
      return;
    }
    if (ctx.method === 'POST' && !forms.verify(ctx, interaction.uid)) {
      ctx.status = 403;
      await formRejected(ctx, interaction);
      return;
    }
    await step(ctx, interaction);
  };
}

/** Hands the person's answer to the engine and sends the browser on. */
export async function finish(
  desk: InteractionDesk,
  ctx: Koa.Context,
  interaction: PendingInteraction,
  answer: InteractionAnswer,
): Promise<void> {
  seeOther(ctx, await desk.answer(ctx, interaction, answer));
}
