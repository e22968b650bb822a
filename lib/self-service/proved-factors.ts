import { MULTI_FACTOR, satisfies } from '../authentication/assurance.ts';
import { type SecondFactors, waysToReach } from '../authentication/second-factors/second-factors.ts';
import type { Act, OwnPageRooms } from './own-page.ts';
import type { SignInDemand } from './sign-in-demand.ts';
import { signedInPerson } from './signed-in-person.ts';

/**
 * Goes on with `act` when the person has proved in this session what they can, wherever they are remembered; else the answer leads to
 * the missing factor, and back. So the password alone takes no factor away, and adds none.
 */
export function withProvedFactors(
  rooms: OwnPageRooms & { secondFactors: SecondFactors },
  demand: SignInDemand,
): (act: Act) => Act {
  return (act) => async (ctx, person) => {
    const { account, methods } = person;
    const isReachable = async () =>
      waysToReach(await rooms.secondFactors.of(account), methods, [[MULTI_FACTOR]]).length > 0;
    const acr = !satisfies(methods, MULTI_FACTOR) && (await isReachable()) ? MULTI_FACTOR : undefined;
    const reached = acr === undefined ? person : await signedInPerson(rooms, ctx, { ...demand, acr });
    if (reached !== undefined) await act(ctx, reached);
  };
}
