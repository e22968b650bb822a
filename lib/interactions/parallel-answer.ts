import { setTimeout as sleep } from 'node:timers/promises';
import type {
  InteractionDesk,
  InteractionState,
  PendingInteraction,
} from '../provider/sign-in/interaction.ts';

/** How long (ms) another request of the same browser is waited for, in parts: longer than one takes, too short to be noticed after a wrong code. */
const PAUSES = [0, 40, 80, 160];

/**
 * What another request of this browser is making of the interaction in this very moment: a form that was sent twice, whose first answer the browser no longer
 * shows. Undefined when there is no such request. What may be done then goes by what that one has proved, never by this one.
 */
export async function parallelAnswer(
  desk: InteractionDesk,
  interaction: PendingInteraction,
  isAwaited: (state: InteractionState) => boolean,
): Promise<InteractionState | undefined> {
  return soon(async () => {
    const state = await desk.stateOf(interaction);
    return isAwaited(state) ? state : undefined;
  });
}

/** What comes of another request that is under way, as soon as it does; undefined when it does not. */
export async function soon<Value>(look: () => Promise<Value | undefined>): Promise<Value | undefined> {
  for (const pause of PAUSES) {
    await sleep(pause);
    const found = await look();
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether somebody is signed in meanwhile, or the interaction has come to its end. */
export const isSignedIn = (state: InteractionState): boolean =>
  state === 'completed' || state.signedInTo !== undefined;
