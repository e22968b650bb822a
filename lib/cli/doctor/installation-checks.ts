import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { leftoversOfRestores, replacedDatabases } from '../../database/backup/restore.ts';
import { databaseFile } from '../../database/backup/staged-restore.ts';
import { freeBytes, MEBIBYTE } from '../../database/free-room.ts';
import { outboxOf } from '../../mail/mail.ts';
import { type Check, type Finding, fine, orFine, problem, warning } from './finding.ts';

const LITTLE_SPACE = 1024 * MEBIBYTE;
const NO_SPACE = 100 * MEBIBYTE;
const OLDEST_NODE = 24;

const modeOf = (file: string): number => statSync(file).mode & 0o777;
const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

/** The runtime is one that this version is made for. */
export const runtimeCheck: Check = () => {
  const { node, sqlite } = process.versions;
  if (Number.parseInt(node, 10) >= OLDEST_NODE) return [fine('runtime', `Node ${node}, SQLite ${sqlite}`)];
  return [
    problem('runtime', `Node ${node} is older than ${OLDEST_NODE}`, `install Node ${OLDEST_NODE} or newer`),
  ];
};

/** The data directory and the mails in it are their owner's alone, and so is every file that holds secrets. */
export const fileModeCheck: Check = ({ configuration: { dataDir }, secretFiles }) => {
  const directories = [dataDir, outboxOf({ dataDir })].filter((directory) => existsSync(directory));
  const own = [
    databaseFile(dataDir),
    path.join(dataDir, 'encryption.key'),
    path.join(dataDir, 'latchkey.lock'),
  ]
    .flatMap((file) => [file, `${file}-wal`, `${file}-shm`])
    .filter((file) => existsSync(file));
  const configured = secretFiles.filter((file) => existsSync(file));
  const open: Finding[] = [...directories, ...own, ...configured]
    .filter((file) => (modeOf(file) & 0o077) !== 0)
    .map((file) =>
      problem(
        'file_modes',
        `others on this machine may get at ${file} (mode ${octal(modeOf(file))})`,
        `chmod ${directories.includes(file) ? '700' : '600'} ${file}`,
      ),
    );
  if (directories.length === 0) {
    const message = `there is no ${dataDir} yet`;
    return [...open, warning('file_modes', message, 'the first start makes it: latchkey serve')];
  }
  const user = process.getuid?.();
  // The superuser may look at an installation of somebody else's, who then has to be able to read what is in it.
  const isTheirs = (file: string): boolean =>
    user === undefined || statSync(file).uid === (user === 0 ? statSync(dataDir).uid : user);
  const foreign: Finding[] = [...directories, ...own, ...(user === 0 ? [] : configured)]
    .filter((file) => !isTheirs(file))
    .map((file) =>
      warning(
        'file_modes',
        `${file} belongs to another user (uid ${statSync(file).uid})`,
        'make it theirs whom the server runs as (chown), and run commands as that user',
      ),
    );
  return orFine(
    [...open, ...foreign],
    'file_modes',
    `${dataDir} and ${own.length + configured.length} files with secrets are readable by their owner alone`,
  );
};

/** There is room for what the data directory is to hold. */
export const diskCheck: Check = ({ configuration: { dataDir } }) => {
  if (!existsSync(dataDir)) return [];
  const free = freeBytes(dataDir);
  const message = `${Math.floor(free / MEBIBYTE)} MiB are free for ${dataDir}`;
  const advice = 'make room: with a full disk every sign-in is answered with 503';
  if (free < NO_SPACE) return [problem('disk', message, advice)];
  return [free < LITTLE_SPACE ? warning('disk', message, advice) : fine('disk', message)];
};

/** Nothing of a former restore lies around. */
export const leftoverCheck: Check = ({ configuration: { dataDir }, inUse }) => {
  if (!existsSync(dataDir)) return [];
  const replaced = replacedDatabases(dataDir).map((directory) =>
    warning(
      'restores',
      `${directory} holds a database that a restore replaced: secrets of then are in it`,
      'remove it when nobody needs it any more',
    ),
  );
  const interrupted = inUse ? [] : leftoversOfRestores(dataDir);
  return [
    ...replaced,
    ...interrupted.map((directory) =>
      warning(
        'restores',
        `${directory} was left by a restore that was interrupted; the database is the one of before`,
        'remove it, or restore again',
      ),
    ),
  ];
};
