import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openDatabase } from '../../lib/database/database.ts';
import { openGrants } from '../../lib/grants/grants.ts';
import { SqliteStorage } from '../../lib/grants/sqlite/sqlite-storage.ts';
import { createEvents } from '../../lib/observability/events.ts';
import { createLog } from '../../lib/observability/log.ts';
import type { OpenPlace, Place } from './storage-place.ts';

const DEFAULT_GRACE_SECONDS = 10;

/** Opens a data directory as one process would. */
export async function openPlace(
  dataDir: string,
  options: { graceSeconds?: number; encryptionKey?: string[] } = {},
): Promise<OpenPlace> {
  const { graceSeconds = DEFAULT_GRACE_SECONDS, encryptionKey = [] } = options;
  const database = await openDatabase({ dataDir, encryptionKey });
  const events = createEvents();
  const reuses: unknown[] = [];
  events.on('refresh.reused', (reuse) => reuses.push(reuse));
  const grants = openGrants({ database, events, log: createLog('silent'), refreshGrace: () => graceSeconds });
  const storage = new SqliteStorage(database);
  return {
    grants,
    storage,
    reuses,
    close: async () => {
      await storage.close();
      await grants.close();
      await database.close();
    },
  };
}

/** A data directory of its own. */
export async function makeSqlitePlace(): Promise<Place> {
  const location = mkdtempSync(path.join(tmpdir(), 'latchkey-grants-'));
  return {
    open: (options) => openPlace(location, options),
    module: path.join(import.meta.dirname, 'sqlite-place.ts'),
    location,
    sweeps: true,
    remove: async () => rmSync(location, { recursive: true }),
  };
}

/** A data directory of its own that is open, with another connection to its file, which shows and changes what is in it. */
export async function openInspectedPlace(): Promise<{
  place: Place;
  opened: OpenPlace;
  raw: DatabaseSync;
  remove(): Promise<void>;
}> {
  const place = await makeSqlitePlace();
  const opened = await place.open();
  const raw = new DatabaseSync(path.join(place.location, 'latchkey.db'));
  return {
    place,
    opened,
    raw,
    remove: async () => {
      raw.close();
      await opened.close();
      await place.remove();
    },
  };
}
