import { hash } from 'node:crypto';
import type { SlotTags } from '../slot-tags.ts';
import { FOREIGN_TAG, TAGS, tagText } from '../slot-tags.ts';
import type { RecordKey } from '../storage.ts';

/** What is issued in a session under a grant, or may be: it is kept with them. All other records stand alone. */
const TOGETHER: ReadonlySet<string> = new Set([
  'AuthorizationCode',
  'AccessToken',
  'RefreshToken',
  'ClientCredentials',
  'TokenStatus',
]);

/** What a key's name says it is, behind the tag. */
const KINDS = {
  record: 'r',
  grant: 'g',
  session: 's',
  sessionId: 'i',
  /** Everything under a tag that a list may ask for. */
  partition: 'p',
  outcome: 'o',
  /** Everything of a person that a list may ask for. */
  account: 'a',
  ending: 'e',
  userCode: 'u',
} as const;

type Kind = keyof typeof KINDS;

/**
 * Names of keys in Redis: `<prefix><epoch>:{<tag>}<kind><key>`, of which the last is binary. A directory that was restored begins
 * an epoch: what was remembered in another has other names, hence is never found again and expires.
 */
export class RedisNames {
  readonly tags: SlotTags;
  readonly #prefix: string;
  readonly #fronts = new Map<string, Buffer>();

  constructor(prefix: string, epoch: string, tags: SlotTags) {
    this.tags = tags;
    this.#prefix = `${prefix}${hash('sha256', epoch, 'base64url').slice(0, 8)}:`;
  }

  tagOfRecord(model: string, key: RecordKey): string {
    return TOGETHER.has(model) ? this.tags.togetherTag(key) : this.tags.aloneTag(key);
  }

  tagOf(key: RecordKey): string {
    return this.tags.togetherTag(key);
  }

  record(model: string, key: RecordKey): Buffer {
    return this.#name(this.tagOfRecord(model, key), 'record', key);
  }

  grant(key: RecordKey): Buffer {
    return this.#name(this.tagOf(key), 'grant', key);
  }

  session(uidKey: RecordKey): Buffer {
    return this.#name(this.tagOf(uidKey), 'session', uidKey);
  }

  sessionId(idKey: RecordKey): Buffer {
    return this.#name(this.tagOf(idKey), 'sessionId', idKey);
  }

  /** What a name begins with, for a script that has the key only. */
  front(tag: string, kind: Kind): Buffer {
    const known = this.#fronts.get(`${kind}${tag}`);
    if (known !== undefined) return known;
    const front = Buffer.from(`${this.#prefix}{${tag}}${KINDS[kind]}`);
    this.#fronts.set(`${kind}${tag}`, front);
    return front;
  }

  partition(tag: string): Buffer {
    return this.front(tag, 'partition');
  }

  /** What became of a part of a unit. */
  outcome(tag: string, nonce: Buffer, stage: string): Buffer {
    return this.#name(tag, 'outcome', Buffer.concat([nonce, Buffer.from(stage)]));
  }

  account(accountKey: RecordKey): Buffer {
    return this.#name(this.tags.aloneTag(accountKey), 'account', accountKey);
  }

  ending(accountKey: RecordKey): Buffer {
    return this.#name(this.tags.aloneTag(accountKey), 'ending', accountKey);
  }

  userCode(userCodeKey: RecordKey): Buffer {
    return this.#name(this.tags.aloneTag(userCodeKey), 'userCode', userCodeKey);
  }

  /** Every tag there is. */
  *allTags(): Generator<string> {
    yield FOREIGN_TAG;
    for (let tag = 0; tag < TAGS; tag += 1) yield tagText(tag);
  }

  #name(tag: string, kind: Kind, key: Buffer): Buffer {
    return Buffer.concat([this.front(tag, kind), key]);
  }
}
