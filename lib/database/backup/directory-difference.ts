import type { DatabaseSync } from 'node:sqlite';
import { openSqliteConnection } from '../sqlite/sqlite-dialect.ts';

/** As many names as a person reads; the number of all is told beside them. */
const MOST_NAMES = 100;

/** Rows by name, the first of them, and how many there are. */
export interface Names {
  count: number;
  names: string[];
}

/**
 * What was done to a directory after a copy of it was made, and is undone by going back to the copy. People are named by
 * login, applications and APIs by identifier.
 */
export interface DirectoryDifference {
  /** Were ended since, and are there again. */
  deletedPeople: Names;
  disabledPeople: Names;
  changedPasswords: Names;
  deletedClients: Names;
  rotatedSecrets: Names;
  changedClients: Names;
  deletedApis: Names;
  changedApis: Names;
  /** Were made since, and are gone. */
  createdPeople: Names;
  createdClients: Names;
  createdApis: Names;
}

const QUERIES: Record<keyof DirectoryDifference, string> = {
  deletedPeople: 'SELECT login AS name FROM copy.accounts WHERE sub NOT IN (SELECT sub FROM main.accounts)',
  disabledPeople: `SELECT c.login AS name FROM copy.accounts c JOIN main.accounts m ON m.sub = c.sub
    WHERE m.disabled <> 0 AND c.disabled = 0`,
  changedPasswords: `SELECT a.login AS name FROM copy.accounts a JOIN main.accounts b ON b.sub = a.sub
    LEFT JOIN copy.passwords c ON c.sub = a.sub LEFT JOIN main.passwords m ON m.sub = a.sub
    WHERE c.changed_at IS NOT m.changed_at`,
  deletedClients:
    'SELECT client_id AS name FROM copy.clients WHERE client_id NOT IN (SELECT client_id FROM main.clients)',
  rotatedSecrets: `SELECT c.client_id AS name FROM copy.clients c JOIN main.clients m ON m.client_id = c.client_id
    WHERE c.secret_digest IS NOT m.secret_digest`,
  changedClients: `SELECT c.client_id AS name FROM copy.clients c JOIN main.clients m ON m.client_id = c.client_id
    WHERE c.metadata IS NOT m.metadata`,
  deletedApis:
    'SELECT identifier AS name FROM copy.apis WHERE identifier NOT IN (SELECT identifier FROM main.apis)',
  changedApis: `SELECT c.identifier AS name FROM copy.apis c JOIN main.apis m ON m.identifier = c.identifier
    WHERE c.updated_at IS NOT m.updated_at`,
  createdPeople: 'SELECT login AS name FROM main.accounts WHERE sub NOT IN (SELECT sub FROM copy.accounts)',
  createdClients:
    'SELECT client_id AS name FROM main.clients WHERE client_id NOT IN (SELECT client_id FROM copy.clients)',
  createdApis:
    'SELECT identifier AS name FROM main.apis WHERE identifier NOT IN (SELECT identifier FROM copy.apis)',
};

/** Compares the database `present` with an older copy of it. Throws what SQLite throws when either cannot be read. */
export function differencesSince(present: string, copy: string): DirectoryDifference {
  const connection = openSqliteConnection(present);
  try {
    connection.prepare('ATTACH DATABASE ? AS copy').run(copy);
    return Object.fromEntries(
      Object.entries(QUERIES).map(([difference, query]) => [difference, namesOf(connection, query)]),
    ) as unknown as DirectoryDifference;
  } finally {
    connection.close();
  }
}

function namesOf(connection: DatabaseSync, query: string): Names {
  const count = Number(connection.prepare(`SELECT count(*) AS n FROM (${query})`).get()?.n);
  const rows = connection.prepare(`${query} ORDER BY 1 LIMIT ${MOST_NAMES}`).all();
  return { count, names: rows.map(({ name }) => String(name)) };
}
