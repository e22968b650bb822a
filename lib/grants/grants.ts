/**
 * What the protocol engine remembers: sessions, codes, tokens, what people allowed, proofs that were shown. This room owns
 * the promises of its storage (docs/storage.md): a request's writes land together or not at all, single use means once,
 * revocation is final, refresh rotation survives honest races, sessions merge, nothing is readable at rest, everything
 * expires. It refuses a write whose grounds are gone, and a second use. It answers for RFC 6749 §4.1.2 and §10.5 (codes are
 * used once), RFC 9700 §4.14.2 (rotation and reuse), RFC 7009 §2 (revocation), RFC 7523 §3 and RFC 9449 §11.1 (replay).
 */
import type { Database } from '../database/database.ts';
import type { MaybePromise } from '../database/prepared-query.ts';
import type { Events } from '../observability/events.ts';
import type { Log } from '../observability/log.ts';
import type { RequestNote } from '../observability/request-note.ts';
import type { RedisConnection } from '../redis/redis.ts';
import { GrantModelStorage } from './grant-storage.ts';
import type { EnginePayload, ModelStorage } from './model-storage.ts';
import { recordKey } from './record-key.ts';
import { RecordStorage } from './record-storage.ts';
import { RedisStorage } from './redis/redis-storage.ts';
import { RefreshRotation } from './refresh-rotation.ts';
import { SessionModelStorage } from './session-storage.ts';
import { SqliteStorage } from './sqlite/sqlite-storage.ts';
import { StatusTellingStorage } from './status-telling-storage.ts';
import type { CommitOutcome, GrantStorage } from './storage.ts';
import { Sweeper } from './sweeper.ts';
import { createTokenIdentifier, laterIdentifier, neighbourIdentifier } from './token-identifier.ts';
import { TokenStatuses } from './token-statuses.ts';
import type { CommitScope } from './unit-of-work.ts';
import { UnitRunner } from './unit-runner.ts';

export type { ModelStorage } from './model-storage.ts';
export type { CommitOutcome } from './storage.ts';

/** A grant as an operator or a person sees it. */
export interface GrantRecord {
  grantId: string;
  accountId: string;
  clientId: string;
  scopes: string[];
  /** The same by what they are of: the person, and each API by its identifier. */
  identityScopes: string[];
  apiScopes: Record<string, string[]>;
  /** Unix time, ms. */
  createdAt: number;
  expiresAt: number;
}

/** A session at another provider that a sign-in here came from. */
export interface UpstreamSession {
  /** The provider's name in the configuration. */
  provider: string;
  issuer: string;
  subject: string;
  sid?: string;
  /** When the person proved themselves there (Unix time, s), as far as it is known. */
  signedInAt?: number;
}

/** A session as an operator or a person sees it. */
export interface SessionRecord {
  uid: string;
  accountId: string;
  clients: string[];
  /** Unix time, ms. */
  loginAt: number | undefined;
  /** Where the sign-in was, and when the session was last used (Unix time, ms); undefined for one of before it was noted. */
  device: { userAgent: string; address: string; usedAt: number } | undefined;
  /** Undefined when the person proved themselves here. */
  upstream?: UpstreamSession | undefined;
  expiresAt: number;
}

/** A session that is about to end, with the clients that were signed in to in it. */
export interface EndingSession {
  accountId: string;
  clients: { clientId: string; sid: string | undefined }[];
}

type NotFound = { outcome: 'not_found' };

/** The room's service. What it cannot do for want of the store rejects with StorageUnavailable. */
export interface Grants {
  /** What was used or shown before this is not known here: a restore began anew. Unix time, ms; 0 when there was no restore. */
  readonly rememberedSince: number;
  /** Which JWT access tokens were revoked. */
  readonly tokenStatuses: TokenStatuses;
  /** The engine's storage for one of its models. */
  storageFor(model: string): ModelStorage;
  /** Runs a request: what it writes is kept at `commit`, in one piece, and what it has written it reads. */
  inUnitOfWork<Value>(work: () => Promise<Value>, request?: RequestNote): Promise<Value>;
  /** The request in whose unit of work this is called. */
  currentRequest(): RequestNote | undefined;
  /** Ends the request's unit of work. A refusal means that nothing was kept, but proofs that were shown and a revocation that it brought about. */
  commit(scope: CommitScope): Promise<CommitOutcome>;
  /** A new identifier of a token, grant or session, see token-identifier.ts; of what is kept together with `neighbour`. */
  generateId(neighbour?: string): string;
  /** What takes the place of a refresh token that this request has consumed. */
  successorOf(refreshTokenId: string): string | undefined;
  /** The grant that this person gave this client last, whatever session it was in. */
  findGrantId(pair: { accountId: string; clientId: string }): Promise<string | undefined>;
  listGrants(filter: { accountId?: string; clientId?: string }): Promise<GrantRecord[]>;
  /** Ends what this grant's person allowed this grant's client, in every session, with every token. */
  revokeGrant(grantId: string): Promise<{ outcome: 'revoked'; grants: number } | NotFound>;
  listSessions(filter: { accountId?: string }): Promise<SessionRecord[]>;
  /** Ends a session and the tokens that were to end with it. */
  endSession(uid: string): Promise<{ outcome: 'ended' } | NotFound>;
  /** Ends a person's sessions and tokens; `consent` ends what they allowed as well. */
  endAccount(accountId: string, options: { consent: boolean }): Promise<void>;
  /** Ends everything that was allowed to a client. */
  endClient(clientId: string): Promise<void>;
  /** Rejects when the store does not answer. */
  check(): Promise<void>;
  startSweeping(): void;
  close(): Promise<void>;
}

/**
 * Opens the room. `refreshGrace` answers how long (s) a used refresh token may be presented again; `observe` may put
 * something around the backend that counts or traces its calls.
 */
export function openGrants(options: {
  database: Database;
  /** Where it is remembered; without it in the embedded database. */
  redis?: RedisConnection | undefined;
  events: Events;
  log: Log;
  refreshGrace: (payload: EnginePayload) => MaybePromise<number>;
  observe?: (storage: GrantStorage) => GrantStorage;
  /** Whether the JWT access tokens of a grant are published as revoked when its tokens end. */
  publishesStatuses?: boolean;
  /** Hears of sessions that this room ends by itself, before it does; when it rejects, they are not ended. */
  onEndings?: (sessions: EndingSession[]) => Promise<void>;
}): Grants {
  const { database, redis, events, log, refreshGrace, observe = (storage) => storage, onEndings } = options;
  const { sealer, epoch } = database;
  const backend =
    redis === undefined
      ? new SqliteStorage(database)
      : new RedisStorage({ connection: redis, sealer, epoch: epoch.id, log });
  const observed = observe(backend);
  const tokenStatuses = new TokenStatuses(observed);
  const storage =
    options.publishesStatuses === true ? new StatusTellingStorage(observed, tokenStatuses) : observed;
  const units = new UnitRunner(storage, (clientId) =>
    events.emit('refresh.reused', clientId === undefined ? {} : { clientId }),
  );
  const rotation = new RefreshRotation({
    storage,
    keys: sealer.deriveAll('refresh-successor'),
    forms: backend instanceof RedisStorage ? [neighbourIdentifier] : [laterIdentifier, neighbourIdentifier],
    graceOf: refreshGrace,
  });
  const sweeper = new Sweeper(storage, log);
  const grants = new GrantModelStorage(storage, units);
  const sessions = new SessionModelStorage(storage, units);

  return {
    rememberedSince: database.epoch.beganAt,
    tokenStatuses,
    storageFor: (model) => {
      if (model === 'Grant') return grants;
      return model === 'Session' ? sessions : new RecordStorage(model, storage, units, rotation);
    },
    inUnitOfWork: (work, request) => units.inUnitOfWork(work, request),
    currentRequest: () => units.request,
    commit: (scope) => units.commit(scope),
    generateId: (neighbour) =>
      backend instanceof RedisStorage ? backend.createIdentifier(neighbour) : createTokenIdentifier(),
    successorOf: (refreshTokenId) => units.current?.successorOf(refreshTokenId),

    async findGrantId({ accountId, clientId }) {
      const stored = await storage.readLatestGrant(
        recordKey('account', accountId),
        recordKey('client', clientId),
      );
      return stored === undefined ? undefined : (JSON.parse(stored.payload) as { jti: string }).jti;
    },

    async listGrants({ accountId, clientId }) {
      const found = await storage.listGrants({
        ...(accountId === undefined ? {} : { accountKey: recordKey('account', accountId) }),
        ...(clientId === undefined ? {} : { clientKey: recordKey('client', clientId) }),
      });
      return found.map(({ payload, createdAt }) => grantRecord(JSON.parse(payload), createdAt));
    },

    async revokeGrant(grantId) {
      const stored = await storage.readGrant(recordKey('Grant', grantId));
      if (stored === undefined) return { outcome: 'not_found' };
      const { accountId, clientId } = JSON.parse(stored.payload) as Record<string, string>;
      const ended = await storage.endGrants({
        accountKey: recordKey('account', String(accountId)),
        clientKey: recordKey('client', String(clientId)),
      });
      return { outcome: 'revoked', grants: ended };
    },

    async listSessions({ accountId }) {
      const found = await storage.listSessions(
        accountId === undefined ? {} : { accountKey: recordKey('account', accountId) },
      );
      return found.map(({ payload }) => sessionRecord(JSON.parse(payload)));
    },

    async endSession(uid) {
      const session = await sessions.findByUid(uid);
      if (session === undefined) return { outcome: 'not_found' };
      await onEndings?.([endingSession(session)]);
      await units.call(async (unit) => {
        const authorizations = Object.values((session.authorizations ?? {}) as Record<string, Authorization>);
        for (const { grantId, persistsLogout } of authorizations) {
          if (grantId !== undefined && persistsLogout !== true)
            unit.revokeGrant(recordKey('Grant', grantId), false);
        }
        unit.dropSessionId(recordKey('Session', String(session.jti)), recordKey('session uid', uid));
      });
      return { outcome: 'ended' };
    },

    async endAccount(accountId, ending) {
      const accountKey = recordKey('account', accountId);
      if (onEndings !== undefined) {
        const found = await storage.listSessions({ accountKey });
        await onEndings(found.map(({ payload }) => endingSession(JSON.parse(payload))));
      }
      await storage.endAccount(accountKey, ending);
    },
    async endClient(clientId) {
      await storage.endGrants({ clientKey: recordKey('client', clientId) });
    },
    check: () => storage.check(),
    startSweeping: () => sweeper.start(),
    close: async () => {
      await sweeper.stop();
      await storage.close();
    },
  };
}

/** A client's place in a session, as the engine keeps it. */
interface Authorization {
  grantId?: string;
  sid?: string;
  persistsLogout?: boolean;
}

function grantRecord(payload: EnginePayload, createdAt: number): GrantRecord {
  const openid = (payload.openid ?? {}) as { scope?: string };
  const resources = (payload.resources ?? {}) as Record<string, string>;
  const list = (scope: string): string[] => scope.split(' ').filter((name) => name !== '');
  const identityScopes = list(openid.scope ?? '');
  const apiScopes = Object.fromEntries(
    Object.entries(resources).map(([api, scope]) => [api, list(scope)] as const),
  );
  return {
    grantId: String(payload.jti),
    accountId: String(payload.accountId),
    clientId: String(payload.clientId),
    scopes: [...new Set([...identityScopes, ...Object.values(apiScopes).flat()])],
    identityScopes,
    apiScopes,
    createdAt,
    expiresAt: Number(payload.exp) * 1000,
  };
}

function endingSession({ accountId, authorizations = {} }: EnginePayload): EndingSession {
  return {
    accountId: String(accountId),
    clients: Object.entries(authorizations as Record<string, Authorization>).map(([clientId, { sid }]) => {
      return { clientId, sid };
    }),
  };
}

function sessionRecord(payload: EnginePayload): SessionRecord {
  const device = payload.device as SessionRecord['device'];
  return {
    uid: String(payload.uid),
    accountId: String(payload.accountId),
    clients: Object.keys((payload.authorizations ?? {}) as object),
    loginAt: typeof payload.loginTs === 'number' ? payload.loginTs * 1000 : undefined,
    device:
      device === undefined
        ? undefined
        : { userAgent: device.userAgent, address: device.address, usedAt: device.usedAt * 1000 },
    upstream: payload.upstream as UpstreamSession | undefined,
    expiresAt: Number(payload.exp) * 1000,
  };
}
