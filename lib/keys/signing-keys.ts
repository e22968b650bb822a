/**
 * Signing keys: made, announced, used, retired, by themselves. A key stands in the JWKS before it signs, for at least
 * as long as verifiers may cache the JWKS plus a margin, and stays there after it was replaced until nothing that it
 * signed is of use any more. This room refuses to start with a key it cannot read, never lets a private key out of its
 * process or out of its sealed form on disk, and gives no one a symmetric key. A key that is kept elsewhere (external/) has the same
 * life; of it this room knows the public part alone. It answers for RFC 7517 (what a key
 * looks like), RFC 7518 §3 and RFC 8037 (what is signed how), RFC 7638 (kid), and the rotation that OpenID Connect
 * Core §10.1.1 describes.
 */
import { randomUUID } from 'node:crypto';
import type { Configuration } from '../../config/configuration.ts';
import { externalKeyNames } from '../../config/external-key-settings.ts';
import { type Database, onClock } from '../database/database.ts';
import type { Events } from '../observability/events.ts';
import type { Log } from '../observability/log.ts';
import { createExternalSigner, type ExternalSigner } from './external/external-signer.ts';
import { tryExternalKeys } from './external/try-external-keys.ts';
import { type KeySource, type KeyTransition, makeDueChanges, makeFirstKeys } from './key-changes.ts';
import {
  type Commanded,
  type RetireOutcome,
  type RotateOutcome,
  rotateKeys,
  withdrawKey,
} from './key-commands.ts';
import { type KeyRecord, type KeyRules, planKeyChanges } from './key-life.ts';
import { readKeys, readRecords, type StoredKey } from './key-store.ts';
import { type PreparedKey, prepareKey, presentKey, type SigningKey } from './signing-key.ts';

export type { SigningKey } from './signing-key.ts';

/** How soon a process notices what another one changed, in ms. */
const NOTICE_MILLISECONDS = 250;
/** A failed turn is not tried again before this, in ms. */
const RETRY_MILLISECONDS = 5_000;
/** Every process must have noticed a new key before the announcement can count, whatever the margin: in seconds. */
const SMALLEST_MARGIN_SECONDS = 1;
/** Requests in flight at a retirement, and clocks that differ: in seconds. */
const VERIFICATION_MARGIN_SECONDS = 60;
/**
 * How long ID tokens are accepted as id_token_hint after their key was retired (OpenID Connect RP-Initiated Logout §2
 * asks for hints to be accepted after `exp`): as long as a session lives by default, so that whoever signed in can log
 * out without being asked. One period serves hints and the JWKS alike.
 */
const DEFAULT_HINT_SECONDS = 14 * 86_400;

const STATE_ORDER = ['active', 'announced', 'retired'];

/** The keys at one moment. */
export interface KeySnapshot {
  /** Two snapshots of the same number hold the same keys. */
  revision: number;
  /** Active first, then announced, then retired; all of them belong in the JWKS. */
  keys: ReadonlyArray<SigningKey>;
}

export interface SigningKeys {
  /** The keys as this process last saw them: at most about a quarter of a second old once started. Never waits. */
  snapshot(): KeySnapshot;
  /** Calls `listener` with each new snapshot; the answer stops that. */
  onChange(listener: (snapshot: KeySnapshot) => void): () => void;
  /** Looks now for what other processes changed. Throws UnreadableKeyError. */
  refresh(): Promise<void>;
  /** Does what is due now, unless another process is at it. The timer does this by itself; throws what the database throws. */
  advance(): Promise<void>;
  /**
   * Replaces the keys of one algorithm, or of all. A successor is announced (if none is) and becomes active as soon as
   * every cached JWKS has it. `immediately` is for emergencies: the successor signs at once, the former key goes on
   * verifying, and `breaks` says in words who will notice.
   */
  rotate(options: { algorithm?: string; immediately?: boolean }): Promise<RotateOutcome>;
  /**
   * Ends a key at once, whatever its state: it signs no more and leaves the JWKS, so what it signed verifies no longer.
   * An active key is replaced by its successor in the same transaction. `breaks` says in words what fails.
   */
  retire(kid: string): Promise<RetireOutcome>;
  /**
   * Has every key that is kept elsewhere sign once, and verifies that: those that sign now, that will, and that are configured.
   * Throws UnusableExternalKey, with one line for an operator.
   */
  tryExternalKeys(): Promise<void>;
  /** The life of every key, oldest first, as it is stored now. */
  list(): Promise<KeyRecord[]>;
  /** Begins to notice changes and to rotate on schedule. Does not keep the process alive. */
  start(): void;
  /** Ends that; resolves when the turn under way has ended, the database may be closed, and nothing that signs elsewhere runs. */
  stop(): Promise<void>;
}

export interface SigningKeysOptions {
  database: Database;
  configuration: Configuration['keys'];
  /** The longest life of anything these keys sign, in seconds. */
  maximumTokenLifetime: number;
  /** How long after retirement an ID token is still accepted as a hint, in seconds. Default 14 days. */
  hintLifetime?: number;
  events: Events;
  log: Log;
  /** Unix time, ms; by default the clock that all processes share. */
  clock?: () => number;
}

/**
 * Opens the keys, and makes them at the first start. Throws UnreadableKeyError when a stored key cannot be read:
 * going on without it would refuse tokens that are valid.
 */
export async function openSigningKeys(options: SigningKeysOptions): Promise<SigningKeys> {
  const keys = new DatabaseSigningKeys(options);
  await keys.open();
  return keys;
}

class DatabaseSigningKeys implements SigningKeys {
  readonly #database: Database;
  readonly #configuration: Configuration['keys'];
  readonly #rules: KeyRules;
  readonly #events: Events;
  readonly #log: Log;
  readonly #signer: ExternalSigner | undefined;
  readonly #holder = randomUUID();
  readonly #listeners = new Set<(snapshot: KeySnapshot) => void>();
  readonly #prepared = new Map<string, PreparedKey>();
  #snapshot: KeySnapshot = { revision: -1, keys: [] };
  #records: KeyRecord[] = [];
  /** The revision as `current` told it when the records were read. */
  #seen = -1;
  #refreshing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> | undefined;
  #quietUntil = 0;

  constructor(options: SigningKeysOptions) {
    const { configuration } = options;
    const margin = Math.max(configuration.announceMargin, SMALLEST_MARGIN_SECONDS);
    const verified = Math.max(options.maximumTokenLifetime, options.hintLifetime ?? DEFAULT_HINT_SECONDS);
    this.#database = onClock(options.database, options.clock);
    this.#configuration = configuration;
    this.#events = options.events;
    this.#log = options.log;
    this.#signer = createExternalSigner(configuration.external, options.log);
    this.#rules = {
      algorithms: configuration.algorithms,
      external: externalKeyNames(configuration.external),
      rotationInterval: configuration.rotationInterval * 1000,
      announcement: (configuration.jwksMaxAge + margin) * 1000,
      verification: (verified + VERIFICATION_MARGIN_SECONDS) * 1000,
    };
  }

  async open(): Promise<void> {
    this.#tell(await makeFirstKeys(this.#source()));
    await this.#load();
  }

  snapshot(): KeySnapshot {
    return this.#snapshot;
  }

  onChange(listener: (snapshot: KeySnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async refresh(): Promise<void> {
    // One at a time, so that an older reading never replaces a newer one.
    while (this.#refreshing !== undefined) await this.#refreshing.catch(() => undefined);
    this.#refreshing = this.#loadIfChanged().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  async advance(): Promise<void> {
    await this.refresh();
    if (!this.#somethingIsDue()) return;
    const made = await makeDueChanges(this.#source(), this.#holder);
    this.#tell(made?.transitions ?? []);
    await this.refresh();
    if (made?.failure !== undefined) throw made.failure;
  }

  async rotate(options: { algorithm?: string; immediately?: boolean }): Promise<RotateOutcome> {
    return this.#command(await rotateKeys(this.#commandContext(), options));
  }

  async retire(kid: string): Promise<RetireOutcome> {
    return this.#command(await withdrawKey(this.#commandContext(), kid));
  }

  tryExternalKeys(): Promise<void> {
    return tryExternalKeys(this.#source(), this.#snapshot.keys);
  }

  list(): Promise<KeyRecord[]> {
    return readRecords(this.#database.query);
  }

  start(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#takeTurn(), NOTICE_MILLISECONDS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#turn;
    await this.#signer?.close();
  }

  #takeTurn(): void {
    if (this.#turn !== undefined || performance.now() < this.#quietUntil) return;
    this.#turn = this.#advanceIfNeeded()
      .catch((err: unknown) => {
        this.#quietUntil = performance.now() + RETRY_MILLISECONDS;
        this.#log.error({ err }, 'signing keys could not be looked after; the ones in use stay in use');
      })
      .finally(() => {
        this.#turn = undefined;
      });
  }

  /** Costs no round trip as long as nothing changed and nothing is due. */
  async #advanceIfNeeded(): Promise<void> {
    const changed = this.#database.revisions.current('keys') !== this.#seen;
    if (changed || this.#somethingIsDue()) await this.advance();
  }

  #somethingIsDue(): boolean {
    return planKeyChanges(this.#records, this.#rules, this.#database.now()).length > 0;
  }

  #source(): KeySource {
    return { database: this.#database, rules: this.#rules, signer: this.#signer };
  }

  #commandContext() {
    return { ...this.#source(), jwksMaxAge: this.#configuration.jwksMaxAge };
  }

  async #command<Outcome>({ outcome, transitions }: Commanded<Outcome>): Promise<Outcome> {
    this.#tell(transitions);
    await this.refresh();
    return outcome;
  }

  #tell(transitions: ReadonlyArray<KeyTransition>): void {
    for (const transition of transitions) {
      this.#log.info(transition, `signing key ${transition.state}`);
      this.#events.emit('keys.changed', transition);
    }
  }

  async #loadIfChanged(): Promise<void> {
    const seen = this.#database.revisions.current('keys');
    if ((await this.#database.revisions.latest('keys')) === this.#snapshot.revision) this.#seen = seen;
    else await this.#load();
  }

  /** The revision is read first: a change in between is then noticed as a further one, never missed. */
  async #load(): Promise<void> {
    const seen = this.#database.revisions.current('keys');
    const revision = await this.#database.revisions.latest('keys');
    const stored = await readKeys(this.#database.query);
    const present = stored.filter(({ state }) => state !== 'withdrawn');
    const keys = await Promise.all(present.map(async (key) => presentKey(key, await this.#prepare(key))));
    for (const kid of this.#prepared.keys()) {
      if (!present.some((key) => key.kid === kid)) this.#prepared.delete(kid);
    }
    keys.sort((one, other) => STATE_ORDER.indexOf(one.state) - STATE_ORDER.indexOf(other.state));
    this.#records = stored;
    this.#seen = seen;
    this.#snapshot = { revision, keys };
    for (const listener of this.#listeners) listener(this.#snapshot);
  }

  async #prepare(stored: StoredKey): Promise<PreparedKey> {
    const known = this.#prepared.get(stored.kid) ?? (await prepareKey(this.#source(), stored));
    const prepared = stored.state === 'retired' ? { ...known, signer: undefined } : known;
    this.#prepared.set(stored.kid, prepared);
    return prepared;
  }
}
