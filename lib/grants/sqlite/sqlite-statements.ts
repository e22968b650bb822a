import type { SQLInputValue, StatementSync } from 'node:sqlite';
import type { EmbeddedConnection } from '../../database/sqlite/embedded-connection.ts';
import type { RecordKey } from '../storage.ts';

const SAVE_RECORD = `INSERT INTO engine_records
  (key, model, grant_key, generation, session_key, user_code_key, consumed_at, written_at, expires_at, payload, stamp)
  VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?)
  ON CONFLICT (key) DO UPDATE SET grant_key = excluded.grant_key, generation = excluded.generation,
  session_key = excluded.session_key, user_code_key = excluded.user_code_key, written_at = max(excluded.written_at, engine_records.written_at + 1),
  expires_at = excluded.expires_at, payload = excluded.payload, stamp = excluded.stamp`;

const SQL = {
  /** A record, whether it stands on a grant and what of it, and the session that it ends with. Numbers alone: see LOOKS. */
  lookAtRecord: `SELECT r.generation, r.consumed_at, r.written_at, r.stamp, r.grant_key IS NOT NULL,
    g.generation, g.ended, g.version, g.stamp, s.version, s.stamp
    FROM engine_records r LEFT JOIN grants g ON g.key = r.grant_key
    LEFT JOIN sessions s ON s.uid_key = r.session_key AND s.ended = 0 AND s.expires_at > ?1
    WHERE r.key = ?2 AND r.expires_at > ?1`,
  readRecord: 'SELECT payload, grant_key, session_key FROM engine_records WHERE key = ?',
  findRecordByUserCode:
    'SELECT key FROM engine_records WHERE user_code_key = ? AND model = ? AND expires_at > ?',
  /** Also of expired ones: whether a key is taken, and what of it was used. */
  lookRecord: 'SELECT consumed_at, expires_at, written_at FROM engine_records WHERE key = ?',
  saveRecord: SAVE_RECORD,
  /** The same, unless there is one that has not expired. */
  addRecord: `${SAVE_RECORD} WHERE engine_records.expires_at <= ?`,
  consumeRecord: 'UPDATE engine_records SET consumed_at = ? WHERE key = ?',
  removeRecord: 'DELETE FROM engine_records WHERE key = ?',

  lookAtGrant: 'SELECT version, generation, stamp FROM grants WHERE key = ? AND ended = 0 AND expires_at > ?',
  readGrant: 'SELECT payload FROM grants WHERE key = ?',
  findLatestGrant: `SELECT key FROM grants
    WHERE account_key = ? AND client_key = ? AND ended = 0 AND expires_at > ? ORDER BY created_at DESC LIMIT 1`,
  lookGrant: 'SELECT version, generation, ended, expires_at FROM grants WHERE key = ?',
  saveGrant: `INSERT INTO grants
    (key, account_key, client_key, generation, version, ended, created_at, expires_at, payload, stamp)
    VALUES (?, ?, ?, 0, 1, 0, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET version = grants.version + 1,
    expires_at = max(grants.expires_at, excluded.expires_at), payload = excluded.payload, stamp = excluded.stamp`,
  outliveToken: 'UPDATE grants SET expires_at = max(expires_at, ?) WHERE key = ?',
  revokeTokens: 'UPDATE grants SET generation = generation + 1 WHERE key = ?',
  endGrant: 'UPDATE grants SET generation = generation + 1, ended = 1, payload = NULL WHERE key = ?',
  revokeAccountTokens: 'UPDATE grants SET generation = generation + 1 WHERE account_key = ?',
  endAccountGrants: `UPDATE grants SET generation = generation + 1, ended = 1, payload = NULL
    WHERE account_key = ? AND ended = 0`,
  endClientGrants: `UPDATE grants SET generation = generation + 1, ended = 1, payload = NULL
    WHERE client_key = ? AND ended = 0`,
  endPairGrants: `UPDATE grants SET generation = generation + 1, ended = 1, payload = NULL
    WHERE account_key = ? AND client_key = ? AND ended = 0`,
  listGrants: `SELECT key, payload, created_at FROM grants WHERE ended = 0 AND expires_at > ?
    AND (?2 IS NULL OR account_key = ?2) AND (?3 IS NULL OR client_key = ?3) ORDER BY created_at`,

  lookAtSessionById: `SELECT s.uid_key, s.version, s.stamp FROM session_identifiers i CROSS JOIN sessions s
    ON s.uid_key = i.uid_key AND s.account_key IS i.account_key AND s.ended = 0 AND s.expires_at > ?2
    WHERE i.id_key = ?1 AND i.expires_at > ?2`,
  lookAtSession: 'SELECT version, stamp FROM sessions WHERE uid_key = ? AND ended = 0 AND expires_at > ?',
  readSession: 'SELECT payload FROM sessions WHERE uid_key = ?',
  lookSession: 'SELECT version, ended FROM sessions WHERE uid_key = ?',
  saveSession: `INSERT INTO sessions (uid_key, account_key, version, ended, expires_at, payload, stamp)
    VALUES (?, ?, 1, 0, ?, ?, ?)
    ON CONFLICT (uid_key) DO UPDATE SET account_key = excluded.account_key, version = sessions.version + 1,
    expires_at = max(sessions.expires_at, excluded.expires_at), payload = excluded.payload, stamp = excluded.stamp`,
  saveSessionId: `INSERT INTO session_identifiers (id_key, uid_key, account_key, expires_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (id_key) DO UPDATE SET account_key = excluded.account_key, expires_at = max(session_identifiers.expires_at, excluded.expires_at)`,
  shortenSessionId: 'UPDATE session_identifiers SET expires_at = min(expires_at, ?) WHERE id_key = ?',
  endSession: 'UPDATE sessions SET ended = 1, payload = NULL, version = version + 1 WHERE uid_key = ?',
  endAccountSessions: `UPDATE sessions SET ended = 1, payload = NULL, version = version + 1
    WHERE account_key = ? AND ended = 0`,
  listSessions: `SELECT uid_key, payload FROM sessions WHERE ended = 0 AND expires_at > ? AND account_key IS NOT NULL
    AND (?2 IS NULL OR account_key = ?2)`,

  readAccountEnding: 'SELECT ended_at FROM account_endings WHERE account_key = ?',
  saveAccountEnding: `INSERT INTO account_endings (account_key, ended_at, expires_at) VALUES (?, ?, ?)
    ON CONFLICT (account_key) DO UPDATE SET ended_at = max(account_endings.ended_at, excluded.ended_at),
    expires_at = max(account_endings.expires_at, excluded.expires_at)`,

  sweepRecords:
    'DELETE FROM engine_records WHERE rowid IN (SELECT rowid FROM engine_records WHERE expires_at <= ? LIMIT ?)',
  sweepGrants: 'DELETE FROM grants WHERE key IN (SELECT key FROM grants WHERE expires_at <= ? LIMIT ?)',
  sweepSessions:
    'DELETE FROM sessions WHERE uid_key IN (SELECT uid_key FROM sessions WHERE expires_at <= ? LIMIT ?)',
  sweepSessionIds:
    'DELETE FROM session_identifiers WHERE id_key IN (SELECT id_key FROM session_identifiers WHERE expires_at <= ? LIMIT ?)',
  sweepEndings:
    'DELETE FROM account_endings WHERE account_key IN (SELECT account_key FROM account_endings WHERE expires_at <= ? LIMIT ?)',
  check: 'SELECT count(*) AS migrations FROM migrations',
} as const;

/**
 * Statements of the hot path, which answer rows as arrays, of numbers but for a session's key. A row as an object takes several times as long, most of
 * it for the names of its columns, and so does a payload that is at hand already.
 */
const LOOKS = [
  'lookAtRecord',
  'lookAtGrant',
  'lookAtSession',
  'lookAtSessionById',
  'lookRecord',
  'lookGrant',
  'lookSession',
] as const;

/** Every statement of this room, prepared. */
export type Statements = Readonly<Record<keyof typeof SQL, StatementSync>>;

/** A row of one of LOOKS. */
export function look(
  statement: StatementSync,
  ...parameters: SQLInputValue[]
): ReadonlyArray<number | null> | undefined {
  return statement.get(...parameters) as unknown as ReadonlyArray<number | null> | undefined;
}

/** What there is under a key, also what has expired. `expiresAt`, `consumedAt`: Unix time, s; `writtenAt`: ms. */
export function recordAt(
  { lookRecord }: Statements,
  key: RecordKey,
): { consumedAt: number | null; expiresAt: number; writtenAt: number } | undefined {
  const row = look(lookRecord, key);
  if (row === undefined) return undefined;
  const [consumedAt = null, expiresAt, writtenAt] = row;
  return { consumedAt, expiresAt: Number(expiresAt), writtenAt: Number(writtenAt) };
}

/** The same of a grant, also of one that has ended. */
export function grantAt(
  { lookGrant }: Statements,
  key: RecordKey,
): { version: number; generation: number; hasEnded: boolean; expiresAt: number } | undefined {
  const row = look(lookGrant, key);
  if (row === undefined) return undefined;
  const [version, generation, ended, expiresAt] = row.map(Number) as [number, number, number, number];
  return { version, generation, hasEnded: ended === 1, expiresAt };
}

/** The same of a session. */
export function sessionAt(
  { lookSession }: Statements,
  uidKey: RecordKey,
): { version: number; hasEnded: boolean } | undefined {
  const row = look(lookSession, uidKey);
  return row === undefined ? undefined : { version: Number(row[0]), hasEnded: row[1] === 1 };
}

/** Prepares them all; throws when the schema is not the one that this version wrote. */
export function prepareStatements(embedded: EmbeddedConnection): Statements {
  const statements: Statements = embedded.prepare(SQL);
  for (const name of LOOKS) statements[name].setReturnArrays(true);
  return statements;
}
