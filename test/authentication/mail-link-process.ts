/** Spends one link many times at once, in a process of its own: see mail-links.test.ts. */
import { MailLinks } from '../../lib/authentication/mail-links.ts';
import { type DatabaseOptions, openDatabase } from '../../lib/database/database.ts';

/** What the process tells when its attempts are over. */
export interface SpendReport {
  /** How many of them succeeded. */
  spent: number;
}

const [options, attempts] = process.argv.slice(2);
const database = await openDatabase(JSON.parse(options ?? '') as DatabaseOptions);
const links = new MailLinks(database);
process.on('message', async (secret: string) => {
  const spent = await Promise.all(
    Array.from({ length: Number(attempts) }, () =>
      database.transaction((transaction, now) => links.spend('reset-password', secret, transaction, now)),
    ),
  );
  const report: SpendReport = { spent: spent.filter(Boolean).length };
  process.send?.(report);
});
process.once('disconnect', () => void database.close());
process.send?.('ready');
