import { secondsNow } from '../model-storage.ts';
import type {
  Consumption,
  GrantSave,
  RecordKey,
  RecordSave,
  SessionSave,
  StoredDocument,
} from '../storage.ts';
import type { Argument } from './redis-calls.ts';
import { clientOf, encodeBody, encodeEntry, encodeOwner, encodePointer } from './redis-layouts.ts';
import type { RedisNames } from './redis-names.ts';

/** A grant or session as it was read here: also until when (s) the indexes know of it, and of whom. */
export interface IndexedDocument extends StoredDocument {
  indexedUntil: number;
  createdAt?: number;
  accountKey?: RecordKey | undefined;
}

/** A grant to write; what is known of it, or was learnt when somebody else wrote it meanwhile. */
export interface GrantWrite {
  save: GrantSave;
  payload: string;
  base: IndexedDocument | undefined;
  createdAt: number;
  indexedUntil: number;
}

export interface SessionWrite {
  save: SessionSave;
  payload: string;
  base: IndexedDocument | undefined;
  indexedUntil: number;
  /** Whether the identifier that the request knows is the session's. */
  keepsId: boolean;
}

export interface RecordWrite {
  save: RecordSave;
  provedAt: number;
}

/** What a record under another tag stands on. */
export interface GroundCheck {
  model: string;
  grantKey: RecordKey;
  generation: number | undefined;
  expiresAt: number;
}

/** A grant of which the indexes were told that it is needed longer than they knew. */
export interface Extension {
  grantKey: RecordKey;
  member: Buffer;
  indexedUntil: number;
}

/** When a part is applied; a unit may have one of each under one tag. */
export type Stage = 'proof' | 'claim' | 'check' | 'before' | 'main' | 'after';

/** What a unit writes under one tag, in one script. */
export class Part {
  readonly stage: Stage;
  readonly tag: string;
  /** Whether others may ask what became of it. */
  awaited = false;
  readonly consumptions: Consumption[] = [];
  readonly grants: GrantWrite[] = [];
  readonly grounds: GroundCheck[] = [];
  readonly records: RecordWrite[] = [];
  readonly sessions: SessionWrite[] = [];
  readonly removals: { model: string; key: RecordKey }[] = [];
  readonly revocations: { grantKey: RecordKey; consent: boolean }[] = [];
  readonly endedSessions: RecordKey[] = [];
  readonly sources: RecordKey[] = [];
  readonly extensions: Extension[] = [];

  constructor(stage: Stage, tag: string) {
    this.stage = stage;
    this.tag = tag;
  }
}

export interface PartOptions {
  nonce: Buffer;
  /** Whether its outcome is remembered, for a command that is sent twice. */
  remembers: boolean;
  lenient: boolean;
  seal(table: 'record' | 'grant' | 'session', key: RecordKey, open: SealedContent): Buffer;
}

interface SealedContent {
  payload: string;
  grantKey?: RecordKey | undefined;
  sessionKey?: RecordKey | undefined;
}

/** Keys and arguments of APPLY (redis-apply-script.ts), in the order in which it takes them. */
export function encodePart(
  part: Part,
  names: RedisNames,
  options: PartOptions,
): { keys: Buffer[]; parameters: Argument[] } {
  const { nonce, remembers, lenient, seal } = options;
  const { stage, tag } = part;
  const keys: Buffer[] = [names.partition(tag)];
  const parameters: Argument[] = [nonce, flag(remembers), flag(lenient), flag(stage === 'check')];
  if (remembers) keys.push(names.outcome(tag, nonce, stage));
  const each = <Item>(items: Item[], encode: (item: Item) => void): void => {
    parameters.push(items.length);
    for (const item of items) encode(item);
  };
  const optionalKey = (name: Buffer | undefined): void => {
    parameters.push(flag(name !== undefined));
    if (name !== undefined) keys.push(name);
  };

  each(part.sources, (key) => keys.push(names.grant(key)));
  each(part.extensions, ({ grantKey, member, indexedUntil }) => {
    keys.push(names.grant(grantKey));
    parameters.push(member, indexedUntil, lifeUntil(indexedUntil));
  });
  each(part.consumptions, ({ model, key, grantKey, graceSeconds, successorKey }) => {
    keys.push(names.record(model, key));
    parameters.push(model, graceSeconds);
    optionalKey(grantKey !== undefined && names.tagOf(grantKey) === tag ? names.grant(grantKey) : undefined);
    optionalKey(successorKey === undefined ? undefined : names.record(model, successorKey));
  });
  each(part.grants, ({ save, payload, base, createdAt, indexedUntil }) => {
    const client = clientOf(save.clientKey);
    const { key } = save;
    keys.push(names.grant(key));
    parameters.push(base?.version ?? '', createdAt, indexedUntil, save.accountKey, client);
    parameters.push(encodeEntry({ kind: 'grant', client, createdAt, key }), lifeUntil(save.expiresAt));
    parameters.push(seal('grant', key, { payload }));
  });
  each(part.grounds, ({ model, grantKey, generation, expiresAt }) => {
    keys.push(names.grant(grantKey));
    parameters.push(model, lifeUntil(expiresAt), generation ?? '');
  });
  each(part.records, ({ save, provedAt }) => {
    const { model, key, existing, base, grant, sessionKey, payload, expiresAt } = save;
    keys.push(names.record(model, key));
    const sealed = seal('record', key, { payload, grantKey: grant?.key, sessionKey });
    parameters.push(model, existing, base?.writtenAt ?? '', provedAt, lifeUntil(expiresAt));
    parameters.push(encodeBody({ grantKey: grant?.key, sessionKey, sealed }));
    if (grant === undefined) {
      parameters.push('');
    } else if (names.tagOf(grant.key) === tag) {
      keys.push(names.grant(grant.key));
      parameters.push('here', grant.generation ?? '');
    } else {
      parameters.push(grant.generation ?? 0);
    }
  });
  each(part.sessions, ({ save, payload, base, indexedUntil, keepsId }) => {
    const { uidKey, idKey, accountKey, expiresAt, formerIdKeys, formerIdSeconds } = save;
    keys.push(names.session(uidKey));
    parameters.push(base?.version ?? '', encodeOwner(accountKey), indexedUntil);
    parameters.push(accountKey === undefined ? '' : encodeEntry({ kind: 'session', key: uidKey }));
    parameters.push(lifeUntil(expiresAt), seal('session', uidKey, { payload }));
    optionalKey(keepsId ? names.sessionId(idKey) : undefined);
    if (keepsId) parameters.push(encodePointer(accountKey, uidKey));
    parameters.push(formerIdSeconds * 1000);
    each(formerIdKeys, (former) => keys.push(names.sessionId(former)));
  });
  each(part.removals, ({ model, key }) => keys.push(names.record(model, key)));
  each(part.revocations, ({ grantKey, consent }) => {
    keys.push(names.grant(grantKey));
    parameters.push(flag(consent));
  });
  each(part.endedSessions, (uidKey) => keys.push(names.session(uidKey)));
  return { keys, parameters };
}

function flag(value: boolean): string {
  return value ? '1' : '0';
}

/** How long (ms) something lives from now on: the server goes by that, whatever our clock says the time is. */
export function lifeUntil(expiresAt: number): number {
  return Math.max(1, Math.ceil(expiresAt - secondsNow())) * 1000;
}
