import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Database } from '../database/database.ts';

/** Entries kept; past it the cache starts anew, so its size is bounded whatever is asked for. */
const LARGEST = 10_000;

/**
 * Single rows by their key, read synchronously and kept until the topic's revision moves: a hit costs one prepared
 * primary-key read of the revision, and a change made by any process is seen by the next call. What does not exist is
 * not kept, so asking for made-up names does not fill it.
 */
export class RevisionCache<Row, Entry> {
  readonly #database: Database;
  readonly #topic: 'clients' | 'apis';
  readonly #connection: DatabaseSync;
  readonly #select: StatementSync;
  readonly #read: (row: Row) => Entry;
  readonly #entries = new Map<string, Entry>();
  #revision = -1;

  /** `sql` selects one row by one parameter. */
  constructor(database: Database, topic: 'clients' | 'apis', sql: string, read: (row: Row) => Entry) {
    this.#database = database;
    this.#topic = topic;
    this.#connection = database.openConnection();
    this.#select = this.#connection.prepare(sql);
    this.#read = read;
  }

  find(key: string): Entry | undefined {
    const revision = this.#database.revisions.current(this.#topic);
    if (revision !== this.#revision || this.#entries.size >= LARGEST) {
      this.#entries.clear();
      this.#revision = revision;
    }
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const row = this.#select.get(key);
    if (row === undefined) return undefined;
    const entry = this.#read(row as Row);
    this.#entries.set(key, entry);
    return entry;
  }

  close(): void {
    this.#connection.close();
  }
}
