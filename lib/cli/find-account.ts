import type { OperatorRooms } from './operator-rooms.ts';

/**
 * The sub that a sub or a login means. Neither need belong to anybody any more: what is left of a deleted person can
 * still be listed and revoked by sub. Throws AccountsUnavailable.
 */
export async function findSub(rooms: OperatorRooms, subOrLogin: string): Promise<string> {
  const { accounts } = rooms;
  const account = (await accounts.findBySub(subOrLogin)) ?? (await accounts.findByLogin(subOrLogin));
  return account?.sub ?? subOrLogin;
}
