import type { GrantFilter, RecordKey } from '../storage.ts';
import type { RedisCalls } from './redis-calls.ts';
import { clientOf, decodeEntry, encodeEntry, type IndexEntry } from './redis-layouts.ts';
import type { RedisNames } from './redis-names.ts';
import { ANNOUNCE, END, LIST_INDEX, MARK_ENDING } from './redis-scripts.ts';

/** Scripts sent at one time, where something is done to many tags: others' requests come in between. */
const AT_ONCE = 64;

/** What to end: the tokens of a grant, the consent with them, a session. */
export type Ending = 'tokens' | 'consent' | 'session';

export interface Announcement {
  /** The server's time, ms. */
  now: number;
  /** When the person was last ended by the same clock, ms; 0 for never. */
  endedAt: number;
  /** Until when (s) the index knows of each entry. */
  indexedUntil: number[];
}

/**
 * Which sessions and grants a person has. Who writes one announces it first and hears whether the person was ended meanwhile; who ends
 * a person notes that first and asks for the entries then. So one of the two knows of the other, and nothing that was
 * in flight is missed, though person, session and grant are under different tags.
 */
export class RedisIndex {
  readonly #calls: RedisCalls;
  readonly #names: RedisNames;

  constructor(calls: RedisCalls, names: RedisNames) {
    this.#calls = calls;
    this.#names = names;
  }

  /** `life` in ms. */
  async announce(
    accountKey: RecordKey,
    entries: { entry: IndexEntry; life: number }[],
  ): Promise<Announcement> {
    const keys = [this.#names.account(accountKey), this.#names.ending(accountKey)];
    const parameters = entries.flatMap(({ entry, life }) => [life, encodeEntry(entry)]);
    const reply = await this.#calls.run(ANNOUNCE, keys, [entries.length, ...parameters]);
    const [now = 0, endedAt = 0, ...indexedUntil] = reply as number[];
    return { now, endedAt, indexedUntil };
  }

  async readEnding(accountKey: RecordKey): Promise<number | undefined> {
    const value = await this.#calls.get(this.#names.ending(accountKey));
    return value === undefined ? undefined : Number(value.toString());
  }

  async markEnding(accountKey: RecordKey): Promise<void> {
    await this.#calls.run(MARK_ENDING, [this.#names.ending(accountKey)], []);
  }

  /** What was announced for this filter; without a person, what is under every tag. Also what has ended. */
  async entries({ accountKey, clientKey }: GrantFilter): Promise<IndexEntry[]> {
    const found =
      accountKey === undefined
        ? await this.#everywhere()
        : await this.#members(this.#names.account(accountKey));
    const client = clientKey === undefined ? undefined : clientOf(clientKey);
    const unique = new Map<string, IndexEntry>();
    for (const entry of found) {
      if (client !== undefined && (entry.kind !== 'grant' || !entry.client.equals(client))) continue;
      unique.set(`${entry.kind}${entry.key.toString('latin1')}`, entry);
    }
    return [...unique.values()];
  }

  /** Ends what is given, also what is announced and not written yet. Answers how many grants that ended. */
  async end(endings: { key: RecordKey; ending: Ending }[]): Promise<number> {
    const byTag = Map.groupBy(endings, ({ key }) => this.#names.tagOf(key));
    const counts = await inTurns([...byTag.values()], async (group) => {
      const keys = group.map(({ key, ending }) =>
        ending === 'session' ? this.#names.session(key) : this.#names.grant(key),
      );
      return this.#calls.run(END, keys, [group.length, ...group.map(({ ending }) => ending)]);
    });
    return counts.reduce<number>((sum, count) => sum + Number(count), 0);
  }

  async #everywhere(): Promise<IndexEntry[]> {
    const found = await inTurns([...this.#names.allTags()], (tag) =>
      this.#members(this.#names.partition(tag)),
    );
    return found.flat();
  }

  async #members(index: Buffer): Promise<IndexEntry[]> {
    const members = (await this.#calls.run(LIST_INDEX, [index], [], false)) as Buffer[];
    return members.map(decodeEntry);
  }
}

/** Does something to each item, a few at a time. */
export async function inTurns<Item, Result>(
  items: Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(work))));
  }
  return results;
}
