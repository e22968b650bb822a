import type Koa from 'koa';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import { FRESH_SECONDS, isFresh } from '../authentication/recent-proof.ts';
import type { PersonFactors, SetUpWay } from '../authentication/second-factors/second-factors.ts';
import { missing } from '../provider/sign-in/assurance.ts';
import type { PendingInteraction } from '../provider/sign-in/interaction.ts';
import { interactionUrl } from '../provider/sign-in/interaction-url.ts';
import { seeOther } from './pending-step.ts';
import { nextStep, type ProofRooms } from './proof.ts';
import { type SecondStepRooms, type Standing, standingOf } from './second-step.ts';

/** Where somebody stands who is to set up a second step. */
export interface EnrolmentDue extends Standing {
  /** What would do; nothing: what is demanded is out of reach here. */
  ways: SetUpWay[];
  /** Undefined when it is out of reach. */
  factors: PersonFactors | undefined;
}

/**
 * Whether something is to be set up now; undefined: another step is due, to which the answer leads. `whenDone` answers a form that was sent once more
 * when nothing is left to prove, without which the interaction is gone through anew; `whenEnrolled` one of somebody who has got a second step meanwhile.
 */
export async function enrolmentDue(
  rooms: SecondStepRooms,
  ctx: Koa.Context,
  interaction: PendingInteraction,
  {
    whenDone,
    whenEnrolled,
  }: Partial<Record<'whenDone' | 'whenEnrolled', (standing: Standing) => Promise<void>>> = {},
): Promise<EnrolmentDue | undefined> {
  const standing = await standingOf(rooms, ctx, interaction);
  if (standing === undefined) return undefined;
  const { account, proved } = standing;
  const next = await nextStep(rooms, ctx, interaction, { account, methods: proved.methods });
  if (next.kind === 'enrol') return { ...standing, ways: next.ways, factors: next.factors };
  if (next.kind === 'unmet') return { ...standing, ways: [], factors: undefined };
  if (next.kind === 'none' && whenDone !== undefined) {
    await whenDone(standing);
    return undefined;
  }
  if (next.kind === 'second-step' && whenEnrolled !== undefined) {
    await whenEnrolled(standing);
    return undefined;
  }
  const step = next.kind === 'second-step' ? next.kind : undefined;
  seeOther(ctx, interactionUrl(interaction.uid, interaction.client.clientId, step));
  return undefined;
}

/**
 * How old (s) the next proof of somebody may be who is to make a passkey, and whose present one is too old for that; undefined where it does not matter.
 */
export async function oldestProof(
  rooms: ProofRooms & { accounts: AccountAdapter },
  ctx: Koa.Context,
  interaction: PendingInteraction,
): Promise<number | undefined> {
  const { proved } = interaction;
  if (proved === undefined || isFresh({ authenticatedAt: await rooms.desk.provedAt(interaction) }))
    return undefined;
  const account = await rooms.accounts.findBySub(proved.accountId);
  if (account === undefined) return undefined;
  const next = await nextStep(rooms, ctx, interaction, { account, methods: proved.methods });
  return next.kind === 'enrol' && next.ways.includes('passkey') ? FRESH_SECONDS : undefined;
}

/** Whether the request itself demands what is still missing, and not the operator's policy alone. */
export function isDemanded({ demand }: PendingInteraction, { proved }: Standing): boolean {
  return missing(demand.required, proved.methods).length > 0;
}
