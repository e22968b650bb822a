import type { Database } from '../database/database.ts';
import type { MaybePromise, PreparedQuery } from '../database/prepared-query.ts';

/** Entries kept; past it the cache starts anew, so its size is bounded whatever is asked for. */
const LARGEST = 10_000;

/**
 * Single rows by their key, kept until the topic's revision moves: a hit costs no more than a look at the revision, and a
 * change made by any process is seen by the next call that could know of it. A miss is answered as by a prepared
 * query; where that is a promise, by one for all who ask at the same time. What does not
 * exist is not kept, so asking for made-up names does not fill it.
 */
export class RevisionCache<Row, Entry> {
  readonly #database: Database;
  readonly #topic: 'clients' | 'client_documents' | 'apis';
  readonly #rows: PreparedQuery<{ key: string }, Row>;
  readonly #read: (row: Row) => Entry;
  readonly #entries = new Map<string, Entry>();
  readonly #loading = new Map<string, Promise<Entry | undefined>>();
  #revision = -1;

  constructor(
    database: Database,
    topic: 'clients' | 'client_documents' | 'apis',
    rows: PreparedQuery<{ key: string }, Row>,
    read: (row: Row) => Entry,
  ) {
    this.#database = database;
    this.#topic = topic;
    this.#rows = rows;
    this.#read = read;
  }

  /** Throws, or rejects with, DatabaseUnavailable. */
  find(key: string): MaybePromise<Entry | undefined> {
    const revision = this.#database.revisions.current(this.#topic);
    if (revision !== this.#revision || this.#entries.size >= LARGEST) {
      this.#entries.clear();
      this.#loading.clear();
      this.#revision = revision;
    }
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const loading = this.#loading.get(key);
    if (loading !== undefined) return loading;
    const rows = this.#rows({ key });
    return rows instanceof Promise ? this.#load(key, rows) : this.#keep(key, rows[0]);
  }

  #load(key: string, reading: Promise<Row[]>): Promise<Entry | undefined> {
    const loading = reading
      .then(([row]) => {
        // What was read before a change is answered, as it was asked before it, and not kept.
        if (this.#loading.get(key) === loading) return this.#keep(key, row);
        return row === undefined ? undefined : this.#read(row);
      })
      .finally(() => {
        if (this.#loading.get(key) === loading) this.#loading.delete(key);
      });
    this.#loading.set(key, loading);
    return loading;
  }

  #keep(key: string, row: Row | undefined): Entry | undefined {
    if (row === undefined) return undefined;
    const entry = this.#read(row);
    this.#entries.set(key, entry);
    return entry;
  }
}
