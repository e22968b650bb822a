import type { Kysely } from 'kysely';
import type { Database } from '../database/database.ts';
import type { DatabaseSchema } from '../database/schema.ts';

/** The right to do a job that one process does for all, until `expiresAt` (Unix time, ms, by the clock that all share). */
export interface Lease {
  name: string;
  holder: string;
  /** Grows with every grant: what an earlier holder still tries to do is recognised by it. */
  fencingToken: number;
  expiresAt: number;
}

/**
 * Takes the lease `name`, or answers undefined while another holder has it. A lease that ran out goes to whoever asks
 * first, with a higher fencing token.
 */
export async function takeLease(
  database: Database,
  wanted: { name: string; holder: string; duration: number },
): Promise<Lease | undefined> {
  const { name, holder, duration } = wanted;
  return database.transaction(async (transaction, now) => {
    const present = await transaction
      .selectFrom('leases')
      .selectAll()
      .where('name', '=', name)
      .executeTakeFirst();
    if (present !== undefined && present.expires_at > now) return undefined;
    const lease = {
      name,
      holder,
      fencingToken: (present?.fencing_token ?? 0) + 1,
      expiresAt: now + duration,
    };
    const values = { holder, fencing_token: lease.fencingToken, expires_at: lease.expiresAt };
    await transaction
      .insertInto('leases')
      .values({ name, ...values })
      .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
      .execute();
    return lease;
  });
}

/** Whether `lease` still holds at `now`. Only the answer inside the transaction that does the job counts. */
export async function holdsLease(
  transaction: Kysely<DatabaseSchema>,
  lease: Lease,
  now: number,
): Promise<boolean> {
  const row = await transaction
    .selectFrom('leases')
    .select('expires_at')
    .where('name', '=', lease.name)
    .where('holder', '=', lease.holder)
    .where('fencing_token', '=', lease.fencingToken)
    .executeTakeFirst();
  return row !== undefined && row.expires_at > now;
}

/** Gives the lease back, if it is still this one. */
export async function releaseLease(query: Kysely<DatabaseSchema>, lease: Lease): Promise<void> {
  await query
    .updateTable('leases')
    .set({ expires_at: 0 })
    .where('name', '=', lease.name)
    .where('fencing_token', '=', lease.fencingToken)
    .execute();
}
