import type { Configuration } from '../config/configuration.ts';
import type { AccountAdapter } from './accounts/account-adapter.ts';
import { openAccountAdapter } from './accounts/open-account-adapter.ts';
import { BreachedPasswords } from './authentication/passwords/breached-passwords.ts';
import { createPasswordHasher } from './authentication/passwords/password-hasher.ts';
import { createPasswordPolicy } from './authentication/passwords/password-policy.ts';
import { type Apis, openApis } from './clients/apis.ts';
import { ClientDocuments } from './clients/client-documents.ts';
import { type Clients, openClients } from './clients/clients.ts';
import { type Database, openDatabase } from './database/database.ts';
import { lastingSecret } from './database/lasting-secret.ts';
import { type Grants, openGrants } from './grants/grants.ts';
import { openSigningKeys, type SigningKeys } from './keys/signing-keys.ts';
import { Notifications } from './notifications/notifications.ts';
import { createEvents, type Events } from './observability/events.ts';
import { createLog, type Log } from './observability/log.ts';
import type { Metrics } from './observability/metrics.ts';
import type { Sample } from './observability/metrics-snapshot.ts';
import { observedCalls } from './observability/observed-calls.ts';
import type { Tracing } from './observability/tracing.ts';
import { observeStorage } from './observe-storage.ts';
import { createSafeFetch, type SafeFetch } from './outbound/safe-fetch.ts';
import { maximumTokenLifetime } from './provider/lifetimes.ts';
import { announceEndings } from './provider/logout/backchannel-logout.ts';
import { refreshGrace } from './provider/tokens/refresh-grace.ts';
import { openRedis, type RedisConnection } from './redis/redis.ts';
import { dataProblem } from './start-problems.ts';

/** The rooms below the HTTP application, as the server and the command line share them. */
export interface Rooms {
  configuration: Configuration;
  log: Log;
  events: Events;
  database: Database;
  /** Undefined when it is not configured: what would be there is in the data directory. */
  redis: RedisConnection | undefined;
  /** Calls addresses that others have named. */
  safeFetch: SafeFetch;
  notifications: Notifications;
  keys: SigningKeys;
  accounts: AccountAdapter;
  clients: Clients;
  clientDocuments: ClientDocuments;
  apis: Apis;
  grants: Grants;
  /** What pairwise subjects are made with. */
  pairwiseKey: Buffer;
  /** Closes what was opened, in reverse order. */
  close(): Promise<void>;
}

/** What a server puts around the rooms to see what they do. */
export interface Observation {
  metrics?: Metrics;
  tracing?: Tracing | undefined;
}

/**
 * Opens the rooms bottom-up; what was opened is closed again when one cannot be.
 * @throws {ConfigurationError} naming the setting when a file, a key or the schema cannot be used
 */
export async function openRooms(
  configuration: Configuration,
  log = createLog(configuration.log.level),
  observation: Observation = {},
): Promise<Rooms> {
  try {
    return await open(configuration, log, observation);
  } catch (error) {
    throw dataProblem(error, configuration);
  }
}

async function open(
  configuration: Configuration,
  log: Log,
  { metrics, tracing }: Observation,
): Promise<Rooms> {
  await using opening = new AsyncDisposableStack();
  const events = createEvents();
  metrics?.listen(events);
  const database = await openDatabase(configuration, log);
  opening.defer(() => database.close());
  const { redisUrl, issuer } = configuration;
  const redis =
    redisUrl === undefined
      ? undefined
      : await openRedis({ url: redisUrl, settings: configuration.redis, issuer, log });
  if (redis !== undefined) opening.defer(() => redis.close());
  const safeFetch = createSafeFetch(configuration.outbound);
  const notifications = new Notifications(database);
  const keys = await openSigningKeys({
    database,
    configuration: configuration.keys,
    maximumTokenLifetime: maximumTokenLifetime(configuration.lifetimes),
    events,
    log,
  });
  opening.defer(() => keys.stop());
  const hasher = observedCalls(createPasswordHasher(configuration.passwords), {
    calls: ['hash', 'verify'],
    prefix: 'password',
    tracing,
  });
  const accounts = await openAccountAdapter({
    configuration: configuration.accounts,
    database,
    hasher,
    rules: createPasswordPolicy(
      configuration.passwords,
      new BreachedPasswords({ settings: configuration.passwords.breached, safeFetch, events, log }),
    ),
    events,
    log,
  });
  opening.defer(async () => accounts.close?.());
  const clientDocuments = new ClientDocuments({ database, configuration });
  const documents = configuration.clientDocuments.enabled ? clientDocuments : undefined;
  const clients = openClients({ database, configuration, log, documents });
  const apis = openApis({ database, configuration });
  const grants = openGrants({
    database,
    redis,
    events,
    log,
    refreshGrace: refreshGrace(clients, configuration.lifetimes),
    observe: observeStorage({ metrics, tracing }),
    publishesStatuses: configuration.features.tokenStatusList.enabled,
    ...(configuration.features.backchannelLogout
      ? { onEndings: (sessions) => announceEndings(sessions, { clients, notifications }) }
      : {}),
  });
  opening.defer(() => grants.close());
  const pairwiseKey = await lastingSecret(database, 'pairwise-subjects');
  metrics?.addSource(() => roundTripsOf({ database, redis }));
  const opened = opening.move();
  return {
    configuration,
    log,
    events,
    database,
    redis,
    safeFetch,
    notifications,
    keys,
    accounts,
    clients,
    clientDocuments,
    apis,
    grants,
    pairwiseKey,
    close: () => opened.disposeAsync(),
  };
}

function roundTripsOf({ database, redis }: Pick<Rooms, 'database' | 'redis'>): Sample[] {
  const name = 'latchkey_store_round_trips_total';
  const samples: Sample[] = [];
  if (redis !== undefined) samples.push({ name, labels: ['redis'], value: redis.roundTrips });
  if (database.kind === 'postgres') samples.push({ name, labels: ['postgres'], value: database.roundTrips });
  return samples;
}
