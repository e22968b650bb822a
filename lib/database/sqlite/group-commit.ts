import type { DatabaseSync } from 'node:sqlite';
import { DatabaseUnavailable } from '../database-unavailable.ts';
import { asUnavailable, isBusy } from './sqlite-dialect.ts';
import { diskFailure } from './write-ahead-log.ts';

/** How long (ms) work waits for somebody else's transaction before it is told to try again. */
const PATIENCE_MILLISECONDS = 2000;
/**
 * For how many turns of the event loop work is gathered: a turn of a process that has nothing else to do takes microseconds, and one that is busy reads
 * requests in each, whose work then goes along. Measured: twice as many bring nothing more.
 */
const GATHERING_TURNS = 4;
/** How long (ms) until it looks again. Transactions hold no lock while the disk writes, and are short. */
const PAUSE_MILLISECONDS = 1;

interface Asking<Outcome> {
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

interface Waiting<Outcome> extends Asking<Outcome> {
  work: () => Outcome;
  isDurable: boolean;
  /** Since when (ms) it waits for somebody else's transaction; undefined while it does not. */
  since?: number;
}

/** What has been committed, and is not yet on the disk. */
interface Committed {
  piece: Asking<unknown>;
  outcome: unknown;
}

/** `begun` is false when there was no transaction to be had, `busy` when that is because somebody else has one. */
interface Failure {
  begun: boolean;
  busy: boolean;
  cause: unknown;
}

/** Has the disk keep all that was committed before, and calls back when it does (fsync, which takes as long as it takes). */
export type MakeDurable = (done: (error: Error | null) => void) => void;

/**
 * Runs pieces of work in transactions: all that has come while the disk kept the ones before goes into one, and is kept by one fsync.
 * Others may read what a piece wrote a moment earlier than it is done. Work must be synchronous, and write nothing when it throws or refuses.
 *
 * Neither the disk nor another process stops this one: meanwhile everything that needs no write is answered.
 */
export class GroupCommit {
  readonly #connection: DatabaseSync;
  readonly #makeDurable: MakeDurable;
  #waiting: Waiting<unknown>[] = [];
  /** What others have committed on this connection, and want the disk to keep. */
  #unkept: Committed[] = [];
  #isScheduled = false;
  #isSyncing = false;
  /** Why nothing is written any more: the disk cannot be relied on. */
  #broken: DatabaseUnavailable | undefined;
  #commits = 0;
  /** Who waits for all that is under way to end. */
  #closing: (() => void)[] = [];

  /** `connection` neither waits for a lock nor for the disk by itself. */
  constructor(connection: DatabaseSync, makeDurable: MakeDurable) {
    this.#connection = connection;
    this.#makeDurable = makeDurable;
  }

  /**
   * Resolves with what `work` returned, once that survives power loss; with `isDurable` false once it is committed, whatever the disk does.
   * Rejects with DatabaseUnavailable, and with what `work` throws.
   */
  run<Outcome>(work: () => Outcome, { isDurable = true } = {}): Promise<Outcome> {
    return new Promise<Outcome>((resolve, reject) => {
      this.#waiting.push({ work, isDurable, resolve: resolve as (outcome: unknown) => void, reject });
      if (!isDurable || !this.#isSyncing) this.#schedule();
    });
  }

  /** Resolves once all that was committed on this connection before survives power loss. Rejects with DatabaseUnavailable. */
  kept(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#unkept.push({ piece: { resolve: () => resolve(), reject }, outcome: undefined });
      if (!this.#isSyncing) this.#schedule();
    });
  }

  /** How many transactions there were. */
  get commits(): number {
    return this.#commits;
  }

  /** Whether something waits for its transaction, or for the disk. */
  get busy(): boolean {
    return this.#waiting.length > 0 || this.#unkept.length > 0 || this.#isSyncing;
  }

  /** Throws DatabaseUnavailable once the disk has failed to keep something. */
  check(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** Ends what is under way, and then does nothing more. */
  async close(): Promise<void> {
    while (this.busy) await new Promise<void>((resolve) => this.#closing.push(resolve));
    this.#broken ??= new DatabaseUnavailable('the embedded database has been closed');
  }

  /** In a new turn of the event loop: by then a transaction of Kysely on this connection is over. */
  #schedule(milliseconds = 0): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const flush = () => {
      this.#isScheduled = false;
      this.#flush();
      this.#tellIdle();
    };
    const gather = (turns: number) => {
      setImmediate(turns === 1 ? flush : () => gather(turns - 1));
    };
    if (milliseconds === 0) gather(GATHERING_TURNS);
    else setTimeout(flush, milliseconds);
  }

  #flush(): void {
    // What the disk is to keep waits for its answer to what it was asked before, which brings the next flush.
    const isReady = ({ isDurable }: Waiting<unknown>): boolean => !(isDurable && this.#isSyncing);
    const batch = this.#waiting.filter(isReady);
    const committed = this.#isSyncing ? [] : this.#unkept;
    this.#waiting = this.#waiting.filter((piece) => !isReady(piece));
    if (!this.#isSyncing) this.#unkept = [];
    if (this.#broken !== undefined) {
      for (const { reject } of [...batch, ...committed.map(({ piece }) => piece)]) reject(this.#broken);
      return;
    }
    const failure = batch.length === 0 ? undefined : this.#commit(batch, committed);
    if (failure !== undefined) this.#commitApart(batch, failure, committed);
    if (committed.length > 0) this.#keep(committed);
  }

  /** One piece that cannot be written must not take its neighbours down: each gets a transaction of its own. */
  #commitApart(batch: Waiting<unknown>[], failure: Failure, committed: Committed[]): void {
    // Not when there was no lock to be had, which stands in the way of all.
    if (!failure.begun || batch.length === 1) {
      this.#waitOrFail(batch, failure);
      return;
    }
    for (const [index, piece] of batch.entries()) {
      const own = this.#commit([piece], committed);
      if (own?.begun === true) fail([piece], own.cause);
      else if (own !== undefined) {
        this.#waitOrFail(batch.slice(index), own);
        return;
      }
    }
  }

  /** Each piece waits for as long as any other, whenever it came. */
  #waitOrFail(batch: Waiting<unknown>[], failure: Failure): void {
    const now = performance.now();
    const isPatient = (piece: Waiting<unknown>): boolean => {
      piece.since ??= now;
      return failure.busy && now - piece.since < PATIENCE_MILLISECONDS;
    };
    const { patient = [], others = [] } = Object.groupBy(batch, (piece) =>
      isPatient(piece) ? 'patient' : 'others',
    );
    fail(others, failure.cause);
    this.#waiting = [...patient, ...this.#waiting];
    if (patient.length > 0) this.#schedule(PAUSE_MILLISECONDS);
  }

  /** Commits, or answers what went wrong, with nothing written. */
  #commit(batch: Waiting<unknown>[], committed: Committed[]): Failure | undefined {
    let begun = false;
    let outcomes: unknown[];
    try {
      // Somebody's transaction on this very connection that awaits more than queries, which it should not.
      if (this.#connection.isTransaction) return { begun, busy: true, cause: OCCUPIED };
      this.#connection.exec('BEGIN IMMEDIATE');
      begun = true;
      outcomes = batch.map(({ work }) => work());
      this.#connection.exec('COMMIT');
      this.#commits += 1;
    } catch (cause) {
      if (begun) this.#takeBack();
      return { begun, busy: !begun && isBusy(cause), cause };
    }
    for (const [index, piece] of batch.entries()) {
      if (piece.isDurable) committed.push({ piece, outcome: outcomes[index] });
      else piece.resolve(outcomes[index]);
    }
    return undefined;
  }

  #takeBack(): void {
    try {
      // SQLite has done so itself when the disk was full.
      if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
    } catch {
      // What failed first says more; as long as the transaction is open, nobody else gets one.
    }
  }

  #keep(committed: Committed[]): void {
    this.#isSyncing = true;
    this.#makeDurable((error) => {
      this.#isSyncing = false;
      if (error === null) {
        for (const { piece, outcome } of committed) piece.resolve(outcome);
      } else {
        // What a disk has failed to keep once, it may say to have kept the next time, without having it: nothing more is promised.
        this.#broken = new DatabaseUnavailable(diskFailure(error), { cause: error });
        for (const { piece } of committed) piece.reject(this.#broken);
      }
      // Not at once: what is read in this same turn of the loop then goes along, instead of waiting for the disk once more.
      if (this.busy) this.#schedule();
      this.#tellIdle();
    });
  }

  #tellIdle(): void {
    if (!this.busy) for (const tell of this.#closing.splice(0)) tell();
  }
}

const OCCUPIED = new DatabaseUnavailable(
  'a transaction of this process on the embedded database does not end',
);

function fail(batch: Waiting<unknown>[], cause: unknown): void {
  for (const { reject } of batch) reject(asUnavailable(cause));
}
