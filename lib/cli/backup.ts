import path from 'node:path';
import type { Command } from 'commander';
import type { Configuration } from '../../config/configuration.ts';
import type { Backup } from '../database/backup/backup.ts';
import type { CommandContext } from './command-context.ts';
import { done, refused } from './command-result.ts';
import { withJson } from './options.ts';
import { formatTime } from './table.ts';

const KEY_ADVICE =
  'The encryption key is not in it, and without that key it cannot be restored: keep a copy of it elsewhere';

/** Where the encryption key of this installation is, in words. */
function placeOfKey({ encryptionKey, dataDir }: Configuration): string {
  return encryptionKey.length > 0 ? 'LATCHKEY_ENCRYPTION_KEY' : path.join(dataDir, 'encryption.key');
}

function presentBackup(backup: Backup, configuration: Configuration): Record<string, unknown> {
  return {
    file: backup.file,
    bytes: backup.bytes,
    made_at: formatTime(backup.madeAt),
    version: backup.version,
    issuer: backup.issuer,
    people: backup.people,
    clients: backup.clients,
    apis: backup.apis,
    encryption_keys: backup.encryptionKeys,
    encryption_key_included: false,
    encryption_key_place: placeOfKey(configuration),
  };
}

function describeBackup(backup: Backup, configuration: Configuration): string {
  const { people, clients, apis } = backup;
  return [
    `wrote ${backup.file}: ${people} people, ${clients} applications, ${apis} APIs, and the signing keys (sealed)`,
    `${KEY_ADVICE} (${placeOfKey(configuration)}; its name is ${backup.encryptionKeys.join(', ')}).`,
    'Sessions, tokens and consents are not in it: a restore would end them.',
    ...(configuration.accounts.adapter === 'http'
      ? [`People are kept by ${configuration.accounts.http.url}: see to a backup of them there.`]
      : []),
    ...(configuration.accounts.adapter === 'ldap'
      ? ['People are kept by the LDAP directory: see to a backup of them there.']
      : []),
  ].join('\n');
}

/** `backup`: the directory of the embedded database in one file, while servers use it. */
export function addBackupCommand(
  program: Command,
  context: CommandContext,
  { configuration: load, version }: { configuration: () => Configuration; version: string },
): void {
  withJson(program.command('backup'))
    .description('copy people, applications, APIs and sealed signing keys into one file, while servers run')
    .requiredOption('--to <file>', 'the file to write (mode 0600)')
    .option('--overwrite', 'replace the file if it exists')
    .action((options: { json?: boolean; to: string; overwrite?: boolean }) =>
      context.run(options, async () => {
        const configuration = load();
        if (configuration.databaseUrl !== undefined) {
          return refused(
            'kept_elsewhere',
            `people, applications, APIs and signing keys are in PostgreSQL (LATCHKEY_DATABASE_URL): back them up with pg_dump --format=custom, and keep a copy of the encryption key (${placeOfKey(configuration)}) elsewhere; nothing else needs a backup`,
          );
        }
        const { backUpDatabase } = await import('../database/backup/backup.ts');
        const { SEALED_COLUMNS } = await import('./sealed-columns.ts');
        const written = backUpDatabase({
          dataDir: configuration.dataDir,
          to: path.resolve(options.to),
          overwrite: options.overwrite === true,
          note: { madeAt: Date.now(), issuer: configuration.issuer, version },
          sealedColumns: SEALED_COLUMNS,
        });
        if (written.outcome === 'refused') return refused(written.reason, written.description);
        return done(
          presentBackup(written.backup, configuration),
          describeBackup(written.backup, configuration),
        );
      }),
    );
}
