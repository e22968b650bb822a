import type { DirectoryTransaction } from '../database.ts';
import type { RecoveryCodesTable, TotpSecretsTable } from '../tables/second-factors.ts';

/** What people take a second step with, but for passkeys, and what lasts a few minutes or days. */
export interface SecondFactorRows {
  totp: TotpSecretsTable[];
  recoveryCodes: RecoveryCodesTable[];
}

/** Every second factor of a directory, also of people who are kept elsewhere. */
export async function readSecondFactors(query: DirectoryTransaction): Promise<SecondFactorRows> {
  const totp = await query.selectFrom('totp_secrets').selectAll().orderBy('sub').execute();
  const recoveryCodes = await query.selectFrom('recovery_codes').selectAll().orderBy('digest').execute();
  return {
    totp: totp.map((row) => ({
      ...row,
      last_step: Number(row.last_step),
      created_at: Number(row.created_at),
    })),
    recoveryCodes: recoveryCodes.map((row) => ({ ...row, created_at: Number(row.created_at) })),
  };
}

/** Adds second factors of people who have none of that kind yet, and answers how many people got an authenticator app. */
export async function addSecondFactors(
  transaction: DirectoryTransaction,
  { totp, recoveryCodes }: SecondFactorRows,
  { pretend }: { pretend: boolean },
): Promise<number> {
  const withApp = await subsIn(transaction, 'totp_secrets');
  const withCodes = await subsIn(transaction, 'recovery_codes');
  const apps = totp.filter(({ sub }) => !withApp.has(sub));
  if (pretend) return apps.length;
  for (const app of apps) await transaction.insertInto('totp_secrets').values(app).execute();
  for (const code of recoveryCodes.filter(({ sub }) => !withCodes.has(sub))) {
    await transaction.insertInto('recovery_codes').values(code).execute();
  }
  return apps.length;
}

async function subsIn(
  query: DirectoryTransaction,
  table: 'totp_secrets' | 'recovery_codes',
): Promise<Set<string>> {
  const rows = await query.selectFrom(table).select('sub').distinct().execute();
  return new Set(rows.map(({ sub }) => sub));
}
