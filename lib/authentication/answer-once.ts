import type { DirectoryTransaction as Transaction } from '../database/database.ts';

/**
 * Notes, inside the transaction of what the answer allows, that something was answered that can be answered once: of any number
 * of answers in any number of processes one gets true. False as well when it has expired (Unix time, ms).
 */
export async function answerOnce(
  transaction: Transaction,
  now: number,
  answer: { digest: string; expires_at: number },
): Promise<boolean> {
  if (answer.expires_at <= now) return false;
  await transaction.deleteFrom('answered_challenges').where('expires_at', '<=', now).execute();
  const added = await transaction
    .insertInto('answered_challenges')
    .values(answer)
    .onConflict((conflict) => conflict.doNothing())
    .returning('digest')
    .executeTakeFirst();
  return added !== undefined;
}
