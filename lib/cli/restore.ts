import path from 'node:path';
import type { Command } from 'commander';
import type { Configuration } from '../../config/configuration.ts';
import { beginEpoch, dropRemembered } from '../database/backup/epoch.ts';
import { prepareDataDirectory } from '../database/encryption-key.ts';
import type { CommandContext } from './command-context.ts';
import { type CommandResult, done, refused } from './command-result.ts';
import type { OperatorRooms } from './operator-rooms.ts';
import { withJson } from './options.ts';
import { describeRestored, ENDED, EPOCH_TEXT, presentRestored } from './restore-report.ts';
import { formatTime } from './table.ts';

interface RestoreOptions {
  json?: boolean;
  from?: string;
  afterDatabaseRestore?: boolean;
}

const AFTERWARDS = 'latchkey restore --after-database-restore';

async function restoreFile(from: string, configuration: Configuration): Promise<CommandResult> {
  if (configuration.databaseUrl !== undefined) {
    return refused(
      'kept_elsewhere',
      `people, applications and APIs are in PostgreSQL (LATCHKEY_DATABASE_URL): stop every server, restore with pg_restore, then run ${AFTERWARDS}`,
    );
  }
  const { dataDir, encryptionKey, issuer } = configuration;
  const { restoreDatabase } = await import('../database/backup/restore.ts');
  const { SEALED_COLUMNS } = await import('./sealed-columns.ts');
  const file = path.resolve(from);
  const outcome = await restoreDatabase({
    from: file,
    dataDir,
    encryptionKey,
    sealedColumns: SEALED_COLUMNS,
    now: Date.now(),
  });
  if (outcome.outcome === 'refused') return refused(outcome.reason, outcome.description);
  return done(presentRestored(file, outcome.restored), describeRestored(file, outcome.restored, issuer));
}

/**
 * The epoch first, then the keys: a crash in between leaves a directory without keys, and the next start makes them, as the
 * first one does.
 */
async function beginNewEpoch({ database, keys }: OperatorRooms): Promise<CommandResult> {
  // Beside PostgreSQL, whoever opens the embedded file next finds it of another epoch, and drops what it remembers.
  if (database.kind === 'sqlite') {
    const { embedded } = database;
    await embedded.write(() => dropRemembered(embedded.raw));
  }
  const epoch = await database.transaction((transaction, now) => beginEpoch(transaction, now));
  await keys.rotate({ immediately: true });
  return done({ epoch: epoch.id, began_at: formatTime(epoch.beganAt), ended: ENDED }, EPOCH_TEXT);
}

/** `restore`: goes back to a backup, without bringing back what was ended since. */
export function addRestoreCommand(
  program: Command,
  context: CommandContext,
  { configuration: load }: { configuration: () => Configuration },
): void {
  withJson(program.command('restore'))
    .description('go back to a backup, while no server runs; everybody signs in again')
    .option('--from <file>', 'a file that backup wrote')
    .option(
      '--after-database-restore',
      'the database was restored by its own tools (pg_restore, a copied file, a Redis dump): end what it may have brought back',
    )
    .action(async (options: RestoreOptions) => {
      const { from, afterDatabaseRestore = false } = options;
      if ((from === undefined) === !afterDatabaseRestore) {
        return context.run(options, () => ({
          outcome: 'misused',
          error: 'usage',
          description: 'give either --from or --after-database-restore',
        }));
      }
      if (from !== undefined) return context.run(options, () => restoreFile(from, load()));
      return context.runInRooms(options, beginNewEpoch, () => inUse(load()));
    });
}

/** A server that runs meanwhile would go on in the former epoch, with what it has in memory. */
async function inUse(configuration: Configuration): Promise<CommandResult | undefined> {
  const { dataDir, databaseUrl } = configuration;
  if (databaseUrl !== undefined) {
    const { inspectPostgres } = await import('../database/postgres/postgres-inspection.ts');
    const { facts, close } = await inspectPostgres(databaseUrl, configuration.database);
    await close();
    if (facts.latchkeyConnections === 0) return undefined;
    return refused(
      'in_use',
      `${facts.latchkeyConnections} connections of Latchkey to this database are open: stop every server first (pg_stat_activity tells where they come from)`,
    );
  }
  const { claimDataDirectory } = await import('../database/sqlite/data-directory-lock.ts');
  prepareDataDirectory(dataDir);
  const claim = claimDataDirectory(dataDir);
  if (claim === undefined) return refused('in_use', `${dataDir} is in use: stop every server first`);
  claim.release();
  return undefined;
}
