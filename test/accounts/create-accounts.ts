/** A process of its own that creates the same logins as its siblings: `<options of the database as JSON> <count>`; prints how many it won. */
import type { DatabaseOptions } from '../../lib/database/database.ts';
import { openAccounts } from './temporary-accounts.ts';

const [options = '', count = '0'] = process.argv.slice(2);
const { directory, close } = await openAccounts(JSON.parse(options) as DatabaseOptions);
const outcomes: Record<string, number> = {};
for (let index = 0; index < Number(count); index += 1) {
  const created = await directory.create({ login: `person-${index}` });
  const outcome = created.outcome === 'created' ? 'created' : created.reason;
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
}
await close();
process.stdout.write(JSON.stringify(outcomes));
