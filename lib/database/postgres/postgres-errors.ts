import type { DatabaseAddress } from '../../../config/database-url.ts';
import { DatabaseUnavailable, UnusableDatabase } from '../database-unavailable.ts';

/** The five characters by which PostgreSQL says what went wrong (its manual, appendix A); undefined when another spoke. */
function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && severity !== undefined ? code : undefined;
}

/** Answers that say nothing about the statement, only about the server's state: classes and single codes. */
const TROUBLE = [
  '08', // connection exceptions
  '28', // the role may no longer sign in
  '3D000', // the database is gone, as while one is restored
  '53', // out of connections, memory, disk
  '57', // shutting down, starting, cancelled by a time-out
  '58', // the operating system below
  '25006', // a standby: the primary moved
  '25P03', // idle in a transaction too long: this process was paused
  '55P03', // a lock was not to be had in time
];

function wordsOf(error: unknown): string {
  const { message, code } = (error ?? {}) as { message?: unknown; code?: unknown };
  // A name with several addresses fails as an AggregateError without a message.
  return String(message || code || error);
}

/** The error as its callers see it: trouble as DatabaseUnavailable, anything else (a bug) as it is. */
export function asUnavailable(error: unknown): unknown {
  if (error instanceof DatabaseUnavailable || error instanceof TypeError || error instanceof RangeError) {
    return error;
  }
  const state = sqlStateOf(error);
  if (state !== undefined && !TROUBLE.some((trouble) => state.startsWith(trouble))) return error;
  return new DatabaseUnavailable(`PostgreSQL does not answer (${wordsOf(error)})`, { cause: error });
}

/** Whether the server gave a transaction up for the sake of others: it was not done and may be tried again. */
export function mayBeRetried(error: unknown): boolean {
  return ['40001', '40P01'].includes(sqlStateOf(error) ?? '');
}

/** What a start came upon, as one line for the operator: never the URL, never the password. */
export function startProblem(error: unknown, address: DatabaseAddress): unknown {
  if (error instanceof UnusableDatabase) return error;
  const cause = error instanceof DatabaseUnavailable && error.cause !== undefined ? error.cause : error;
  const { host, port, user, database } = address;
  const place = host.startsWith('/') ? `PostgreSQL in ${host}` : `PostgreSQL at ${host}:${port}`;
  const unusable = (words: string) => new UnusableDatabase(words, { cause });
  const words = wordsOf(cause);
  switch (sqlStateOf(cause)) {
    case '28P01':
      return unusable(`${place} refuses the password of user ${user}`);
    case '28000':
      return unusable(`${place} does not let user ${user} in (${words})`);
    case '3D000':
      return unusable(`${place} has no database ${database}: create it (createdb ${database})`);
    case '25006':
      return unusable(`${place} is a standby, which takes no writes: name the primary`);
    case '42501':
      return unusable(
        `user ${user} may not make tables in database ${database} (${words}): let it own the database, or grant it CREATE on its schema`,
      );
    case '55P03':
      return unusable(
        `database ${database} is kept by another process that migrates it: ${MIGRATION_ADVICE}`,
      );
    case undefined:
      break;
    default:
      return error instanceof DatabaseUnavailable ? unusable(`${place} cannot be used (${words})`) : error;
  }
  if (!(error instanceof DatabaseUnavailable)) return error;
  if (/password must be a/.test(words)) return unusable(`${place} asks for a password of user ${user}`);
  if (/does not support SSL/.test(words)) {
    return unusable(`${place} offers no TLS: turn it on there, or write sslmode=disable`);
  }
  if (/^(?:ERR_TLS|CERT_|DEPTH_|SELF_|UNABLE_|HOSTNAME_)/.test(String((cause as { code?: unknown }).code))) {
    return unusable(
      `the certificate of ${place} is not trusted (${words.split(';')[0]}): name its authority in database.ca_file`,
    );
  }
  return unusable(`${place} cannot be reached (${words})`);
}

const MIGRATION_ADVICE =
  'wait until it is done and start again; if none is, end whoever holds the advisory lock (pg_locks tells)';
