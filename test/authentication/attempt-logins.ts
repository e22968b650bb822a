/**
 * A process of its own that guesses: `<data dir> <login> <address> <count>`. It says `ready`, makes all attempts at once when
 * its input ends, and prints how many were admitted.
 */
import { LoginThrottle } from '../../lib/authentication/throttling/login-throttle.ts';
import { SqliteThrottleCounters } from '../../lib/authentication/throttling/sqlite-throttle-counters.ts';
import { openDatabase } from '../../lib/database/database.ts';
import { knock, LIMITS } from './throttle-bench.ts';

const [dataDir = '', login = '', address = '', count = '0'] = process.argv.slice(2);
const database = await openDatabase({ dataDir, encryptionKey: [] });
const counters = new SqliteThrottleCounters(database);
const throttle = new LoginThrottle({ counters, database, configuration: LIMITS });
process.stdout.write('ready\n');
for await (const _ of process.stdin);
const outcomes = await Promise.all(
  Array.from({ length: Number(count) }, () => knock(throttle, login, address)),
);
await database.close();
process.stdout.write(`${outcomes.filter((outcome) => outcome === 'admitted').length}\n`);
