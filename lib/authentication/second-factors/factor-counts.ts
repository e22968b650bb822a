import type { Database } from '../../database/database.ts';

/** How much of each a person has. */
export interface FactorCounts {
  totp: number;
  recoveryCodes: number;
  passkeys: number;
  /** Of these the ones in hardware that its maker vouches for: see passkeyMethods. */
  attestedPasskeys: number;
}

export type CountFactors = (sub: string) => Promise<FactorCounts>;

/** Counts in one statement: it is asked in every sign-in. */
export function countFactors(database: Database): CountFactors {
  const ask = database.prepare((query, { sub }: { sub: string }) =>
    query.selectNoFrom(({ selectFrom, fn }) => {
      const passkeys = selectFrom('passkeys').select(fn.countAll().as('count')).where('sub', '=', sub);
      return [
        selectFrom('totp_secrets').select(fn.countAll().as('count')).where('sub', '=', sub).as('totp'),
        selectFrom('recovery_codes')
          .select(fn.countAll().as('count'))
          .where('sub', '=', sub)
          .as('recoveryCodes'),
        passkeys.as('passkeys'),
        passkeys.where('attested', '=', 1).where('backup_eligible', '=', 0).as('attestedPasskeys'),
      ];
    }),
  );
  return async (sub) => {
    const [row] = await ask({ sub });
    // PostgreSQL gives them as text.
    return {
      totp: Number(row?.totp),
      recoveryCodes: Number(row?.recoveryCodes),
      passkeys: Number(row?.passkeys),
      attestedPasskeys: Number(row?.attestedPasskeys),
    };
  };
}
