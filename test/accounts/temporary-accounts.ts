import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AccountAdapter } from '../../lib/accounts/account-adapter.ts';
import type { AccountDirectory } from '../../lib/accounts/account-directory.ts';
import type { PasswordHasher } from '../../lib/accounts/password-hashing.ts';
import { SqlAccountAdapter } from '../../lib/accounts/sql-account-adapter.ts';
import { SqlAccountDirectory } from '../../lib/accounts/sql-account-directory.ts';
import { createPasswordHasher } from '../../lib/authentication/passwords/password-hasher.ts';
import { createPasswordPolicy } from '../../lib/authentication/passwords/password-policy.ts';
import { type Database, type DatabaseOptions, openDatabase } from '../../lib/database/database.ts';
import { createEvents, type Events } from '../../lib/observability/events.ts';
import type { DirectoryStore } from '../database/directory-stores.ts';

/** argon2id at its least: these tests are about who is let in, not about what a hash costs. */
export const CHEAP_HASHING = { argon2: { memory: 8, iterations: 1, parallelism: 1 } };

export function temporaryDirectory(): string {
  return mkdtempSync(path.join(tmpdir(), 'latchkey-test-'));
}

export interface OpenAccounts {
  adapter: AccountAdapter;
  directory: AccountDirectory;
  database: Database;
  events: Events;
  close(): Promise<void>;
}

/** The SQL adapter on a directory, as composition builds it. */
export async function openAccounts(
  options: DatabaseOptions,
  hasher: PasswordHasher = createPasswordHasher(CHEAP_HASHING),
): Promise<OpenAccounts> {
  const database = await openDatabase(options);
  const events = createEvents();
  const rules = createPasswordPolicy({ minimumLength: 8 });
  const directory = new SqlAccountDirectory({ database, hasher, rules, events });
  const adapter = new SqlAccountAdapter({ database, hasher, directory });
  return { adapter, directory, database, events, close: () => database.close() };
}

/** The same in a place of its own, which goes with it: in `store`, or else in SQLite. */
export async function openTemporaryAccounts(
  hasher?: PasswordHasher,
  store?: DirectoryStore,
): Promise<OpenAccounts & { dataDir: string; options: DatabaseOptions }> {
  const place = await store?.makePlace();
  const dataDir = place?.dataDir ?? temporaryDirectory();
  const options = place?.options ?? { dataDir, encryptionKey: [] };
  const opened = await openAccounts(options, hasher);
  return {
    ...opened,
    dataDir,
    options,
    close: async () => {
      await opened.close();
      if (place === undefined) rmSync(dataDir, { recursive: true });
      else await place.remove();
    },
  };
}
