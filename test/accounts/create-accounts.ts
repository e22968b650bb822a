/** A process of its own that creates the same logins as its siblings: `<data dir> <count>`; prints how many it won. */
import { openAccounts } from './temporary-accounts.ts';

const [dataDir = '', count = '0'] = process.argv.slice(2);
const { directory, close } = await openAccounts(dataDir);
const outcomes: Record<string, number> = {};
for (let index = 0; index < Number(count); index += 1) {
  const created = await directory.create({ login: `person-${index}` });
  const outcome = created.outcome === 'created' ? 'created' : created.reason;
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
}
await close();
process.stdout.write(JSON.stringify(outcomes));
