import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import { type Grants, openGrants } from '../../lib/grants/grants.ts';
import { createEvents } from '../../lib/observability/events.ts';
import { createLog } from '../../lib/observability/log.ts';
import { find, perform, save } from './engine-requests.ts';

const FILES = ['latchkey.db', 'latchkey.db-wal'];
const LANES = 4;
const STEPS = 40;
const SNAPSHOTS_LOOKED_AT = 12;

/** A disk of which is known what it has kept at the latest: what a file held when it was asked to keep it, once it says that it has. */
class PrecariousDisk {
  /** The number of the latest state that would be there after power loss. */
  latest = 0;
  readonly #folder: string;
  readonly #real = fs.fdatasync;
  #asked = 0;

  constructor(dataDir: string, folder: string) {
    this.#folder = folder;
    fs.fdatasync = ((file: number, done: fs.NoParamCallback) => {
      this.#asked += 1;
      const state = this.#asked;
      fs.mkdirSync(this.state(state));
      for (const name of FILES) fs.copyFileSync(path.join(dataDir, name), path.join(this.state(state), name));
      this.#real(file, (error) => {
        this.latest = state;
        done(error);
      });
    }) as typeof fs.fdatasync;
    syncBuiltinESMExports();
  }

  /** A data directory as it would be found. */
  state(number: number): string {
    return path.join(this.#folder, String(number));
  }

  putBack(): void {
    fs.fdatasync = this.#real;
    syncBuiltinESMExports();
  }
}

interface Opened {
  database: Database;
  grants: Grants;
  close(): Promise<void>;
}

async function open(dataDir: string, encryptionKey: string): Promise<Opened> {
  const database = await openDatabase({ dataDir, encryptionKey: [encryptionKey] });
  const grants = openGrants({
    ...{ database, events: createEvents(), log: createLog('silent'), refreshGrace: () => 0 },
  });
  return {
    database,
    grants,
    close: async () => {
      await grants.close();
      await database.close();
    },
  };
}

type There = (opened: Opened) => Promise<unknown>;

const secretOf = (name: string) => ({ name, sealed: Buffer.from(name), created_at: 1 });
const hasSecret =
  (name: string): There =>
  async ({ database: { query } }) =>
    query.selectFrom('lasting_secrets').select('name').where('name', '=', name).executeTakeFirst();
const has =
  (model: string, id: string): There =>
  ({ grants }) =>
    find(grants, model, id);

/** What is done under a name, each until it is acknowledged; answers how one tells afterwards that it is there. */
const DEEDS: ReadonlyArray<(opened: Opened, name: string) => Promise<There>> = [
  async ({ grants }, name) => {
    await save(grants, 'AccessToken', name);
    return has('AccessToken', name);
  },
  async ({ grants }, name) => {
    await save(grants, 'AuthorizationCode', name);
    const exchange = { code: name, accessToken: `${name}-access`, refreshToken: `${name}-refresh` };
    const { result } = await perform(grants, { kind: 'exchange-code', ...exchange });
    expect(result).to.equal('done');
    return async (opened) =>
      (await find(opened.grants, 'AuthorizationCode', name))?.consumed !== undefined &&
      (await find(opened.grants, 'RefreshToken', exchange.refreshToken)) !== undefined;
  },
  // The steps of a sign-in are acknowledged before they are kept, and kept with what ends it.
  async ({ grants }, name) => {
    await save(grants, 'Interaction', name);
    await nextTurn();
    await save(grants, 'Session', name, { uid: name, accountId: name });
    return async (opened) =>
      (await has('Interaction', name)(opened)) !== undefined &&
      (await has('Session', name)(opened)) !== undefined;
  },
  async ({ database }, name) => {
    await database.transaction((transaction) =>
      transaction.insertInto('lasting_secrets').values(secretOf(name)).execute(),
    );
    return hasSecret(name);
  },
  async ({ database }, name) => {
    await database.query.insertInto('lasting_secrets').values(secretOf(name)).execute();
    return hasSecret(name);
  },
  async ({ database }, name) => {
    const insert = database.prepare((query, row: ReturnType<typeof secretOf>) =>
      query
        .insertInto('lasting_secrets')
        .values({ name: row.name, sealed: row.sealed, created_at: row.created_at }),
    );
    await insert(secretOf(name));
    return hasSecret(name);
  },
];

describe('the embedded store when the machine loses power', () => {
  it('has whatever was acknowledged, at any moment', async function () {
    this.timeout(120_000);
    const folder = fs.mkdtempSync(path.join(tmpdir(), 'latchkey-power-'));
    const dataDir = path.join(folder, 'data');
    const key = randomBytes(32).toString('base64');
    const opened = await open(dataDir, key);
    // So that the log is moved into the database and begun anew all the time.
    opened.database.embedded.raw.exec('PRAGMA wal_autocheckpoint = 25');
    const disk = new PrecariousDisk(dataDir, folder);
    const acknowledged: { name: string; isThere: There; state: number }[] = [];
    try {
      const lane = async (number: number): Promise<void> => {
        for (let step = 0; step < STEPS; step += 1) {
          const name = `${number}-${step}`;
          const deed = DEEDS[(step + number) % DEEDS.length] as (typeof DEEDS)[number];
          const isThere = await deed(opened, name);
          acknowledged.push({ name, isThere, state: disk.latest });
        }
      };
      await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
    } finally {
      disk.putBack();
      await opened.close();
    }
    const { latest } = disk;
    expect(latest).to.be.greaterThan(SNAPSHOTS_LOOKED_AT);
    for (let look = 1; look <= SNAPSHOTS_LOOKED_AT; look += 1) {
      const state = Math.ceil((latest * look) / SNAPSHOTS_LOOKED_AT);
      const found = await open(disk.state(state), key);
      const { raw } = found.database.embedded;
      expect(raw.prepare('PRAGMA integrity_check').get()).to.include({ integrity_check: 'ok' });
      const due = acknowledged.filter((deed) => deed.state <= state);
      for (const { name, isThere } of due) {
        expect(await isThere(found), `${name} in state ${state} of ${latest}`).to.be.ok;
      }
      expect(due.length).to.be.greaterThan(0);
      await found.close();
    }
    fs.rmSync(folder, { recursive: true });
  });
});
