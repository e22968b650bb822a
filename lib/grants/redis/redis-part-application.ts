import { randomBytes } from 'node:crypto';
import { mergeGrant } from '../merge-grant.ts';
import { mergeSession } from '../merge-session.ts';
import type { PayloadSealer } from '../payload-sealer.ts';
import { recordKey } from '../record-key.ts';
import type { RecordKey, RefusalReason } from '../storage.ts';
import { APPLY } from './redis-apply-script.ts';
import type { RedisCalls } from './redis-calls.ts';
import { openDocument } from './redis-documents.ts';
import type { RedisIndex } from './redis-index.ts';
import { decodeGrant, decodeSession, encodeEntry, NONCE_BYTES } from './redis-layouts.ts';
import type { RedisNames } from './redis-names.ts';
import {
  encodePart,
  type GrantWrite,
  type IndexedDocument,
  lifeUntil,
  type Part,
  type SessionWrite,
} from './redis-part.ts';
import { WITHDRAW } from './redis-scripts.ts';
import type { Withdrawals } from './redis-withdrawals.ts';

/** How often a grant or session is merged that others write at the same moment. */
const MOST_MERGES = 50;

export interface Refusal {
  reason: RefusalReason;
  model: string;
  /** A family that is to be ended under another tag, and the number of the unit that used first what was used twice. */
  family?: { grantKey: RecordKey; first: Buffer } | undefined;
}

export type PartOutcome = { refusal: Refusal } | { sessionId?: string | undefined };

/** What a unit's parts are applied with. */
export interface UnitContext {
  calls: RedisCalls;
  names: RedisNames;
  index: RedisIndex;
  sealer: PayloadSealer;
  withdrawals: Withdrawals;
}

/**
 * Applies the parts of one unit. The scripts cannot open what is sealed: where others wrote a grant or a session since this unit
 * read it, they answer with what is there, it is merged here, and the part is applied again.
 */
export class PartApplication {
  readonly nonce = randomBytes(NONCE_BYTES);
  readonly #context: UnitContext;
  readonly #lenient: boolean;

  constructor(context: UnitContext, lenient: boolean) {
    this.#context = context;
    this.#lenient = lenient;
  }

  /** Takes back what a part used and issued, unless others were told of it meanwhile. */
  async withdraw(part: Part): Promise<void> {
    const { calls, names } = this.#context;
    const used = part.consumptions.map(({ model, key }) => names.record(model, key));
    const issued = part.records.flatMap(({ save }) =>
      save.base === undefined ? [names.record(save.model, save.key)] : [],
    );
    const keys = [names.outcome(part.tag, this.nonce, part.stage), ...used, ...issued];
    await calls.run(WITHDRAW, keys, [this.nonce, used.length, issued.length]);
  }

  /** Applies it; of a check it is only answered whether it could be applied now. */
  async apply(part: Part): Promise<PartOutcome> {
    const { calls, names, sealer } = this.#context;
    for (let merges = 0; merges < MOST_MERGES; merges += 1) {
      const { keys, parameters } = encodePart(part, names, {
        nonce: this.nonce,
        remembers: needsMemory(part),
        lenient: this.#lenient,
        seal: (table, key, open) => sealer.seal(table, key, open),
      });
      const reply = (await calls.run(APPLY, keys, parameters)) as Buffer | Buffer[];
      if (!Array.isArray(reply)) return this.#outcome(part, reply);
      const refusal = await this.#merge(part, reply);
      if (refusal === undefined) continue;
      if (!this.#lenient) return { refusal };
    }
    throw new Error('a grant or session was written by others each time that it was merged');
  }

  #outcome(part: Part, reply: Buffer): PartOutcome {
    const [outcome, reason, model = '', elsewhere] = reply.toString('latin1').split(' ');
    if (outcome === 'refused') {
      const refusal = { reason: reason as RefusalReason, model };
      const grantKey = part.consumptions.find((consumption) => consumption.model === model)?.grantKey;
      if (elsewhere !== 'elsewhere' || grantKey === undefined) return { refusal };
      return { refusal: { ...refusal, family: { grantKey, first: reply.subarray(-NONCE_BYTES) } } };
    }
    const replaced = part.sessions.find(({ keepsId }) => !keepsId);
    if (replaced === undefined) return {};
    return { sessionId: (JSON.parse(replaced.payload) as { jti: string }).jti };
  }

  /** Brings a part in step with what others have written; a session that cannot be is a refusal, and left out. */
  async #merge(part: Part, conflicts: Buffer[]): Promise<Refusal | undefined> {
    let refusal: Refusal | undefined;
    const dropped: SessionWrite[] = [];
    for (let at = 0; at + 1 < conflicts.length; at += 2) {
      const [name, value] = [conflicts[at], conflicts[at + 1]] as [Buffer, Buffer];
      const space = name.indexOf(' ');
      const kind = name.toString('latin1', 0, space);
      const index = Number(name.toString('latin1', space + 1)) - 1;
      if (kind === 'index') {
        await this.#extend(part, name.subarray(space + 1), value);
      } else if (kind === 'grant') {
        this.#mergeGrant(part.grants[index] as GrantWrite, value);
      } else {
        const write = part.sessions[index] as SessionWrite;
        if (this.#mergeSession(write, value)) continue;
        dropped.push(write);
        refusal = { reason: 'session_changed', model: 'Session' };
      }
    }
    for (const write of dropped) part.sessions.splice(part.sessions.indexOf(write), 1);
    return refusal;
  }

  #mergeGrant(write: GrantWrite, value: Buffer): void {
    const current = decodeGrant(value);
    const payload = openDocument(this.#context.sealer, 'grant', write.save.key, current.sealed);
    write.payload = mergeGrant(write.save.payload, payload);
    write.createdAt = current.createdAt;
    write.base = { ...current, payload };
  }

  #mergeSession(write: SessionWrite, value: Buffer): boolean {
    const { base, payload, uidKey, idKey } = write.save;
    const current = decodeSession(value);
    const theirs = openDocument(this.#context.sealer, 'session', uidKey, current.sealed);
    const merged = mergeSession(base?.payload ?? '{}', payload, theirs);
    if (merged === undefined) return false;
    write.payload = merged;
    write.base = { ...current, payload: theirs } satisfies IndexedDocument;
    // Another request replaced the identifier that this one came with: it is not given a new life.
    const { jti } = JSON.parse(merged) as { jti: string };
    write.keepsId = recordKey('Session', jti).equals(idKey);
    return true;
  }

  /** Something is issued that outlives what the indexes know of its grant: they are told first. */
  async #extend(part: Part, grantName: Buffer, value: Buffer): Promise<void> {
    const { names, index } = this.#context;
    const lives = [
      ...part.records.map(({ save }) => save),
      ...part.grounds.map((ground) => ({ grant: { key: ground.grantKey }, expiresAt: ground.expiresAt })),
    ];
    const issued = lives.filter(
      ({ grant }) => grant !== undefined && names.grant(grant.key).equals(grantName),
    );
    const key = issued[0]?.grant?.key;
    if (key === undefined) throw new Error('a script asked for a grant that is not of its part');
    const expiresAt = Math.max(...issued.map((save) => save.expiresAt));
    const { client, createdAt, accountKey } = decodeGrant(value);
    const entry = { kind: 'grant', client, createdAt, key } as const;
    const { indexedUntil } = await index.announce(accountKey, [{ entry, life: lifeUntil(expiresAt) }]);
    part.extensions.push({
      grantKey: key,
      member: encodeEntry(entry),
      indexedUntil: indexedUntil[0] ?? expiresAt,
    });
  }
}

/** A part that only puts records where nothing was may be applied twice without being remembered. */
function needsMemory(part: Part): boolean {
  if (part.stage === 'check' || part.awaited) return part.awaited;
  const { consumptions, grants, sessions, records, removals, revocations } = part;
  return (
    consumptions.length + grants.length + sessions.length + removals.length + revocations.length > 0 ||
    records.some(({ save }) => save.existing === 'unchanged' || save.base !== undefined)
  );
}
