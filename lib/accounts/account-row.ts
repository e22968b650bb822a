import type { Account } from './account.ts';
import type { AccountRecord } from './account-directory.ts';

/** The columns of a person, as read. */
export interface AccountRow {
  sub: string;
  login: string;
  disabled: number;
  claims: string;
  created_at: number;
  updated_at: number;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const member of Object.values(value)) deepFreeze(member);
    Object.freeze(value);
  }
  return value;
}

/** The person that a row describes; `updated_at` becomes the claim of that name, in seconds. */
export function accountFromRow(row: AccountRow): Account {
  return deepFreeze({
    sub: row.sub,
    login: row.login,
    disabled: row.disabled !== 0,
    claims: {
      ...(JSON.parse(row.claims) as Record<string, unknown>),
      updated_at: Math.floor(Number(row.updated_at) / 1000),
    },
  });
}

/** The same for an operator. `hash` is the password's, if there is one. */
export function recordFromRow(row: AccountRow & { hash: string | null }): AccountRecord {
  return Object.freeze({
    ...accountFromRow(row),
    hasPassword: row.hash !== null,
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  });
}
