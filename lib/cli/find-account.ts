import type { OperatorRooms } from './operator-rooms.ts';

/** Whom a sub or a login means. */
export interface NamedPerson {
  sub: string;
  /** False where nobody is there of that name; then the sub is what was given. */
  isKnown: boolean;
}

/**
 * Whom a sub or a login means. Neither need belong to anybody any more: what is left of a deleted person can
 * still be listed and revoked by sub. Throws AccountsUnavailable.
 */
export async function findPerson(rooms: OperatorRooms, subOrLogin: string): Promise<NamedPerson> {
  const { accounts } = rooms;
  const account = (await accounts.findBySub(subOrLogin)) ?? (await accounts.findByLogin(subOrLogin));
  return { sub: account?.sub ?? subOrLogin, isKnown: account !== undefined };
}

/** What stands in the place of an empty table, which would read as if somebody were there who has nothing; else undefined. */
export function nothingOf(
  person: NamedPerson | undefined,
  found: ReadonlyArray<unknown>,
): string | undefined {
  if (person === undefined || person.isKnown || found.length > 0) return undefined;
  return `nobody has the sub or login ${person.sub}, and nothing is left of them`;
}
