/** Judges one passkey's answer many times at once, in a process of its own: see passkeys.test.ts. */
import { configurationSchema } from '../../config/configuration.ts';
import { createPasskeySignIn } from '../../lib/authentication/passkeys/passkey-sign-in.ts';
import { SqliteThrottleCounters } from '../../lib/authentication/throttling/sqlite-throttle-counters.ts';
import type { DatabaseOptions } from '../../lib/database/database.ts';
import { createLog } from '../../lib/observability/log.ts';
import { openAccounts } from '../accounts/temporary-accounts.ts';

/** What became of each attempt: its outcome, or why it was refused. */
export type PasskeyReport = string[];

const ATTEMPTS = 3;

const [options, issuer] = process.argv.slice(2);
const given = JSON.parse(options ?? '') as DatabaseOptions;
// It is about who is first, not about how long the others wait on a busy machine.
const patient = { connectTimeout: 60_000, statementTimeout: 60_000 };
const { database } = given;
const opened = await openAccounts({
  ...given,
  ...(database === undefined ? {} : { database: { ...database, ...patient } }),
});
const counters = new SqliteThrottleCounters(opened.database);
const signIn = createPasskeySignIn({
  ...opened,
  accounts: opened.adapter,
  counters,
  configuration: configurationSchema.parse({
    issuer,
    throttling: { login: { perAccount: 1000, perAddress: 1_000_000 } },
  }),
  log: createLog('silent'),
});
if (signIn === undefined) throw new Error(`no passkeys for ${issuer}`);
process.on('message', async (answer: { uid: string; credential: string }) => {
  const results = await Promise.all(
    Array.from({ length: ATTEMPTS }, () => signIn.attempt({ ...answer, address: '203.0.113.7' })),
  );
  const report: PasskeyReport = results.map((result) =>
    result.outcome === 'refused' ? result.reason : result.outcome,
  );
  process.send?.(report);
});
process.once('disconnect', () => {
  void opened.close();
});
process.send?.('ready');
