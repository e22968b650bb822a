import type { Configuration } from '../config/configuration.ts';
import type { AccountAdapter } from './accounts/account-adapter.ts';
import { openAccountAdapter } from './accounts/open-account-adapter.ts';
import { createPasswordHasher } from './authentication/password-hasher.ts';
import { createPasswordPolicy } from './authentication/password-policy.ts';
import { type Apis, openApis } from './clients/apis.ts';
import { type Clients, openClients } from './clients/clients.ts';
import { type Database, openDatabase } from './database/database.ts';
import { type Grants, openGrants } from './grants/grants.ts';
import { openSigningKeys, type SigningKeys } from './keys/signing-keys.ts';
import { createEvents, type Events } from './observability/events.ts';
import { createLog, type Log } from './observability/log.ts';
import { maximumTokenLifetime } from './provider/lifetimes.ts';
import { refreshGrace } from './provider/refresh-grace.ts';
import { dataProblem } from './start-problems.ts';

/** The rooms below the HTTP application, as the server and the command line share them. */
export interface Rooms {
  configuration: Configuration;
  log: Log;
  events: Events;
  database: Database;
  keys: SigningKeys;
  accounts: AccountAdapter;
  clients: Clients;
  apis: Apis;
  grants: Grants;
  /** Closes what was opened, in reverse order. */
  close(): Promise<void>;
}

/**
 * Opens the rooms bottom-up; what was opened is closed again when one cannot be.
 * @throws {ConfigurationError} naming the setting when a file, a key or the schema cannot be used
 */
export async function openRooms(
  configuration: Configuration,
  log = createLog(configuration.log.level),
): Promise<Rooms> {
  try {
    return await open(configuration, log);
  } catch (error) {
    throw dataProblem(error, configuration);
  }
}

async function open(configuration: Configuration, log: Log): Promise<Rooms> {
  await using opening = new AsyncDisposableStack();
  const events = createEvents();
  const database = await openDatabase(configuration);
  opening.defer(() => database.close());
  const keys = await openSigningKeys({
    database,
    configuration: configuration.keys,
    maximumTokenLifetime: maximumTokenLifetime(configuration.lifetimes),
    events,
    log,
  });
  opening.defer(() => keys.stop());
  const hasher = createPasswordHasher(configuration.passwords);
  const accounts = openAccountAdapter({
    configuration: configuration.accounts,
    database,
    hasher,
    rules: createPasswordPolicy(configuration.passwords),
    events,
  });
  const clients = openClients({ database, configuration, log });
  opening.defer(() => clients.close());
  const apis = openApis({ database, configuration });
  opening.defer(() => apis.close());
  const grants = openGrants({
    database,
    events,
    log,
    refreshGrace: refreshGrace(clients, configuration.lifetimes),
  });
  opening.defer(() => grants.close());
  const opened = opening.move();
  return {
    configuration,
    log,
    events,
    database,
    keys,
    accounts,
    clients,
    apis,
    grants,
    close: () => opened.disposeAsync(),
  };
}
