import { randomBytes } from 'node:crypto';
import type { Database } from './database.ts';

const SECRET_BYTES = 32;

/** What a secret is sealed for: it opens in its own row only. */
export function sealingContext(name: string): string {
  return `lasting-secret:${name}`;
}

/**
 * The secret of that name, 32 random bytes, made by whoever asks first and the same for every process, machine and version after
 * that. For what must not change when encryption keys rotate, as `Sealer.derive` does; it is sealed anew with the newest. Throws SealError when the key that sealed it is not
 * configured any more, and DatabaseUnavailable.
 */
export async function lastingSecret(database: Database, name: string): Promise<Buffer> {
  const find = () =>
    database.query.selectFrom('lasting_secrets').select('sealed').where('name', '=', name).executeTakeFirst();
  let row = await find();
  if (row === undefined) {
    const sealed = database.sealer.seal(randomBytes(SECRET_BYTES), sealingContext(name));
    row = await database.transaction(async (transaction, now) => {
      await transaction
        .insertInto('lasting_secrets')
        .values({ name, sealed, created_at: now })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      return transaction
        .selectFrom('lasting_secrets')
        .select('sealed')
        .where('name', '=', name)
        .executeTakeFirstOrThrow();
    });
  }
  const secret = database.sealer.open(row.sealed, sealingContext(name));
  if (!database.sealer.isCurrent(row.sealed)) {
    const sealed = database.sealer.seal(secret, sealingContext(name));
    await database.transaction((transaction) =>
      transaction.updateTable('lasting_secrets').set({ sealed }).where('name', '=', name).execute(),
    );
  }
  return secret;
}
