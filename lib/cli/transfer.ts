import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import type { TransferConflict } from '../database/backup/directory-transfer.ts';
import { makeFile } from '../database/backup/durable-files.ts';
import type { CommandContext } from './command-context.ts';
import { type CommandResult, done, refused } from './command-result.ts';
import { readDocument, writeDocument } from './directory-document.ts';
import type { OperatorRooms } from './operator-rooms.ts';
import { withJson } from './options.ts';

interface ExportOptions {
  json?: boolean;
  to: string;
  withSecrets?: boolean;
  overwrite?: boolean;
}

interface ImportOptions {
  json?: boolean;
  from: string;
  keepExisting?: boolean;
  dryRun?: boolean;
}

/** As many conflicts as one reads. */
const MOST_TOLD = 10;

async function exportDirectory(rooms: OperatorRooms, options: ExportOptions): Promise<CommandResult> {
  const { database, configuration } = rooms;
  const { readDirectory } = await import('../database/backup/directory-transfer.ts');
  const rows = await readDirectory(database);
  const { document, withheld, unreadable } = writeDocument(rows, {
    issuer: configuration.issuer,
    now: database.now(),
    sealer: options.withSecrets === true ? database.sealer : undefined,
  });
  if (unreadable.length > 0) {
    return refused(
      'unreadable_secret',
      `the secrets of these clients and people cannot be opened: ${unreadable.join(', ')}`,
    );
  }
  const to = path.resolve(options.to);
  const { dataDir } = configuration;
  const made = makeFile(to, { overwrite: options.overwrite === true, dataDir }, (draft) =>
    writeFileSync(draft, `${JSON.stringify(document, null, 2)}\n`),
  );
  if (made.outcome === 'refused') return refused(made.reason, made.description);
  const counts = { people: rows.people.length, clients: rows.clients.length, apis: rows.apis.length };
  const lines = [
    `wrote ${to}: ${counts.people} people with password hashes and ${rows.passkeys.length} passkeys, ${counts.clients} applications with secret digests, ${counts.apis} APIs; no keys`,
  ];
  if (options.withSecrets)
    lines.push(
      'It holds secrets of clients and of authenticator apps in the clear: remove it when it is imported.',
    );
  if (withheld.length > 0) {
    lines.push(
      `These applications authenticate by a MAC and need a new secret after the import, unless you export --with-secrets: ${withheld.join(', ')}`,
    );
  }
  const { length: apps } = rows.secondFactors.totp;
  if (apps > 0 && !options.withSecrets) {
    lines.push(
      `The authenticator apps of ${apps} people are left out, unless you export --with-secrets: after the import they sign in without.`,
    );
  }
  return done({ file: to, ...counts, secrets_withheld: withheld }, lines.join('\n'));
}

function readFile(from: string): { given: unknown } | { problem: string } {
  let text: string;
  try {
    text = readFileSync(from, 'utf8');
  } catch (error) {
    return { problem: `${from} cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
  try {
    return { given: JSON.parse(text) as unknown };
  } catch {
    return { problem: `${from} is not JSON` };
  }
}

const tellConflicts = (conflicts: ReadonlyArray<TransferConflict>): string => {
  const told = conflicts
    .slice(0, MOST_TOLD)
    .map(({ kind, name, description }) => `${kind} ${name} ${description}`);
  if (conflicts.length > MOST_TOLD) told.push(`and ${conflicts.length - MOST_TOLD} more`);
  return told.join('; ');
};

async function importDirectory(rooms: OperatorRooms, options: ImportOptions): Promise<CommandResult> {
  const { database, configuration } = rooms;
  const file = path.resolve(options.from);
  const opened = readFile(file);
  if ('problem' in opened) return refused('unreadable', opened.problem);
  const read = readDocument(opened.given, { sealer: database.sealer, configuration });
  if (read.outcome === 'refused') return refused('invalid_document', `${file}: ${read.description}`);
  const { dryRun = false, keepExisting = false } = options;
  const { transferRows } = await import('../database/backup/directory-transfer.ts');
  const transfer = await transferRows(database, read.rows, { keepExisting, pretend: dryRun });
  const { added, unchanged, conflicts, passkeys, identities, apps } = transfer;
  if (transfer.outcome === 'refused') {
    return refused(
      'conflict',
      `nothing was imported: ${tellConflicts(conflicts)}; --keep-existing imports the rest`,
    );
  }
  const leftOut = new Set(conflicts.filter(({ kind }) => kind === 'clients').map(({ name }) => name));
  const needSecret = read.withoutSecret.filter((clientId) => !leftOut.has(clientId));
  const lines = [
    `${dryRun ? 'would import' : 'imported'} ${added.people} people, ${passkeys} passkeys, ${apps} authenticator apps, ${added.clients} applications, ${added.apis} APIs`,
    `there already: ${unchanged.people} people, ${unchanged.clients} applications, ${unchanged.apis} APIs`,
  ];
  if (conflicts.length > 0) lines.push(`left as they are here: ${tellConflicts(conflicts)}`);
  if (needSecret.length > 0) {
    lines.push(
      `These applications cannot authenticate before clients rotate-secret: ${needSecret.join(', ')}`,
    );
  }
  const pairwise = read.rows.clients
    .filter(({ client_id: clientId }) => !leftOut.has(clientId))
    .filter(
      ({ metadata }) => (JSON.parse(metadata) as { subject_type?: unknown }).subject_type === 'pairwise',
    )
    .map(({ client_id: clientId }) => clientId);
  if (pairwise.length > 0) {
    lines.push(
      `These applications know people by other names in each directory (subject_type pairwise): ${pairwise.join(', ')}`,
    );
  }
  if (read.issuer !== configuration.issuer) {
    lines.push(`It was exported from ${read.issuer}; the issuer here is ${configuration.issuer}.`);
  }
  return done(
    {
      dry_run: dryRun,
      imported: added,
      passkeys,
      upstream_identities: identities,
      authenticator_apps: apps,
      unchanged,
      kept: conflicts,
      secrets_needed: needSecret,
    },
    lines.join('\n'),
  );
}

/** `export` and `import`: a directory as one document, to move it from one kind of store to another. */
export function addTransferCommands(program: Command, context: CommandContext): void {
  withJson(program.command('export'))
    .description('write people, applications and APIs to one JSON document (no keys, no sessions)')
    .requiredOption('--to <file>', 'the file to write (mode 0600)')
    .option('--with-secrets', 'with the secrets of client_secret_jwt and of authenticator apps, in the clear')
    .option('--overwrite', 'replace the file if it exists')
    .action((options: ExportOptions) =>
      context.runInRooms(options, (rooms) => exportDirectory(rooms, options)),
    );

  withJson(program.command('import'))
    .description(
      'add the people, applications and APIs of such a document; all of them or, in conflict, none',
    )
    .requiredOption('--from <file>', 'a document that export wrote')
    .option('--keep-existing', 'leave what is there already and different as it is, and import the rest')
    .option('--dry-run', 'say what would be done')
    .action((options: ImportOptions) =>
      context.runInRooms(options, (rooms) => importDirectory(rooms, options)),
    );
}
