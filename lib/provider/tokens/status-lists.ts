import { createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { LONGEST_API_TOKEN_LIFETIME } from '../../clients/apis.ts';
import { STATUSES_PER_LIST, type TokenStatusPlace } from '../../grants/token-statuses.ts';

/** For how long (s) a list gives out indices: whoever watches a list then sees the tokens of an hour at most. */
const USED_SECONDS = 3600;
/** Until nothing points into a list any more, counted from its making. */
const LIVED_SECONDS = USED_SECONDS + LONGEST_API_TOKEN_LIFETIME;

const FRONT_BYTES = 16;
const MAC_BYTES = 16;

/** A list as its name tells it. Times are Unix times in s. */
export interface StatusListName {
  algorithm: string;
  createdAt: number;
  /** Until when tokens may point into it. */
  expiresAt: number;
}

const nowInSeconds = (): number => Math.floor(Date.now() / 1000);

/**
 * Names of lists: `<algorithm>/<time of making, random, MAC>`. No process has to be told of another's lists, nor of one in
 * which nothing was revoked yet, since a name proves by its MAC that a process of this provider made it.
 */
export class StatusListNames {
  readonly #secrets: ReadonlyArray<Buffer>;

  /** `secrets` newest first. */
  constructor(secrets: ReadonlyArray<Buffer>) {
    this.#secrets = secrets;
  }

  create(algorithm: string): string {
    const front = randomBytes(FRONT_BYTES);
    front.writeUInt32BE(nowInSeconds());
    const mac = this.#mac(this.#secrets[0] as Buffer, algorithm, front);
    return `${algorithm}/${Buffer.concat([front, mac]).toString('base64url')}`;
  }

  /** What a name says; undefined for one that was not made here or that nothing points to any more. */
  read(name: string): StatusListName | undefined {
    const [, algorithm, text] = /^([\w-]{1,20})\/([\w-]{43})$/.exec(name) ?? [];
    if (algorithm === undefined || text === undefined) return undefined;
    const bytes = Buffer.from(text, 'base64url');
    const front = bytes.subarray(0, FRONT_BYTES);
    const mac = bytes.subarray(FRONT_BYTES);
    const genuine = this.#secrets.some((secret) => timingSafeEqual(mac, this.#mac(secret, algorithm, front)));
    // The last character of base64url has bits to spare: one list has one name.
    if (!genuine || bytes.toString('base64url') !== text) return undefined;
    const createdAt = front.readUInt32BE();
    const expiresAt = createdAt + LIVED_SECONDS;
    return expiresAt <= nowInSeconds() ? undefined : { algorithm, createdAt, expiresAt };
  }

  /** Whether a list still gives out indices. */
  isInUse(name: string): boolean {
    const list = this.read(name);
    return list !== undefined && list.createdAt + USED_SECONDS > nowInSeconds();
  }

  #mac(secret: Buffer, algorithm: string, front: Buffer): Buffer {
    return createHmac('sha256', secret).update(`${algorithm} `).update(front).digest().subarray(0, MAC_BYTES);
  }
}

/** Draws the indices of one list in random order, each once. */
class Draw {
  readonly #moved = new Map<number, number>();
  #taken = 0;

  get isOver(): boolean {
    return this.#taken === STATUSES_PER_LIST;
  }

  next(): number {
    // Fisher and Yates, of whose deck only the cards that moved are kept.
    const drawn = randomInt(this.#taken, STATUSES_PER_LIST);
    const index = this.#moved.get(drawn) ?? drawn;
    this.#moved.set(drawn, this.#moved.get(this.#taken) ?? this.#taken);
    this.#moved.delete(this.#taken);
    this.#taken += 1;
    return index;
  }
}

/**
 * Gives out places in lists. Each process has lists of its own, so that no index is given out twice though nobody writes
 * down which ones were: a token costs no write. The order is random: an index tells nothing about when or to whom a token
 * was issued (Token Status List draft §13.2).
 */
export class StatusPlaces {
  readonly #names: StatusListNames;
  readonly #open = new Map<string, { name: string; createdAt: number; draw: Draw }>();

  constructor(names: StatusListNames) {
    this.#names = names;
  }

  /** A place that nobody else has, in a list that is signed with this algorithm. */
  take(algorithm: string): TokenStatusPlace {
    const now = nowInSeconds();
    let open = this.#open.get(algorithm);
    if (open === undefined || open.draw.isOver || Math.abs(now - open.createdAt) >= USED_SECONDS) {
      open = { name: this.#names.create(algorithm), createdAt: now, draw: new Draw() };
      this.#open.set(algorithm, open);
    }
    return { list: open.name, index: open.draw.next(), expiresAt: open.createdAt + LIVED_SECONDS };
  }
}
